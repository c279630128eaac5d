/* The averages of all symbols in the half-open window [start, end), for returns. */
SELECT minute, symbol, vwap FROM {{ minute }} WHERE minute >= :start AND minute < :end

/* Which revision of each minute in the half-open window [start, end) is held. */
SELECT minute, symbol, revision FROM {{ minute }} WHERE minute >= :start AND minute < :end

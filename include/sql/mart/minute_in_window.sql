/* The minutes of all symbols in the half-open window [start, end): what a file or report shows. */
SELECT
    minute, symbol, vwap, open, high, low, close, volume, quote_volume, trade_count, coverage,
    source_level, flag, is_reconciled, method_version, revision, known_at
FROM {{ minute }}
WHERE minute >= :start AND minute < :end

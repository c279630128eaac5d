/* The minutes of all symbols in the half-open window [start, end), for a file or report. */
SELECT
    minute, symbol, vwap, twap, vw_median, open, high, low, close, volume, quote_volume,
    trade_count, coverage, dispersion_bp, volume_difference, quote_volume_difference,
    trade_difference, filled_vwap, fill_age_seconds, fill_method, source_level, flag,
    soft_flags, is_reconciled, quality, grade, method_version, revision, known_at,
    first_known_at, delay_ms, first_valued_at, source
FROM {{ minute }}
WHERE minute >= :start AND minute < :end

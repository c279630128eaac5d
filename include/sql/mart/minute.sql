/* The staged minutes that the mart lacks or has in an older revision: no revision ever goes back.

   first_known_at: when revision 1 was published. first_valued_at: when the first revision with a
   value was. delay_ms: from the minute's end to that. source: where the value comes from; where
   the batch log does not tell, as after a replay of the quarantine, it stays what it was. */
SELECT
    staged.minute, staged.symbol, staged.vwap, staged.twap, staged.vw_median, staged.open,
    staged.high, staged.low, staged.close, staged.volume, staged.quote_volume,
    staged.trade_count, staged.coverage, staged.dispersion_bp, staged.volume_difference,
    staged.quote_volume_difference, staged.trade_difference, staged.filled_vwap,
    staged.fill_age_seconds, staged.fill_method, staged.source_level, staged.flag,
    staged.soft_flags, staged.is_reconciled, staged.quality, staged.grade,
    staged.method_version, staged.revision, staged.known_at, staged.first_known_at,
    staged.delay_ms, staged.first_valued_at,
    COALESCE(staged.source, held.source) AS source
FROM {{ staged_minute }} AS staged
LEFT JOIN {{ minute }} AS held
    ON held.minute = staged.minute AND held.symbol = staged.symbol
WHERE held.revision IS NULL OR held.revision < staged.revision

/* One row per symbol and touched UTC hour: how long after its end a minute got its first value.

   hour: YYYY-MM-DDTHH. Milliseconds; percentiles by nearest rank. A backfilled minute is as late
   as it is. late_minutes: later than the limit late_ms. gap_first_minutes: published without a
   value before. */
WITH ranked AS (
    SELECT
        touched.hour, touched.symbol, held.delay_ms,
        CASE WHEN held.first_known_at < held.first_valued_at THEN 1 ELSE 0 END AS is_gap_first,
        ROW_NUMBER() OVER (PARTITION BY touched.hour, touched.symbol ORDER BY held.delay_ms)
            AS place,
        COUNT(*) OVER (PARTITION BY touched.hour, touched.symbol) AS counted
    FROM {{ touched_hour }} AS touched
    CROSS JOIN {{ minute }} AS held
    WHERE
        held.symbol = touched.symbol
        AND held.minute >= touched.hour AND held.minute < touched.hour || 'Z'
        AND held.delay_ms IS NOT NULL
)
SELECT
    hour,
    symbol,
    COUNT(*) AS minute_count,
    MAX(CASE WHEN place = (counted + 1) / 2 THEN delay_ms END) AS median_ms,
    MAX(CASE WHEN place = (95 * counted + 99) / 100 THEN delay_ms END) AS p95_ms,
    MAX(delay_ms) AS longest_ms,
    SUM(CASE WHEN delay_ms > :late_ms THEN 1 ELSE 0 END) AS late_minutes,
    SUM(is_gap_first) AS gap_first_minutes
FROM ranked
GROUP BY hour, symbol

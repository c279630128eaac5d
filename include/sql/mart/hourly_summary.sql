/* One row per symbol and touched UTC hour, over all minutes of that hour.

   hour: YYYY-MM-DDTHH. open, high, low, close: exact text of the traded minutes' own values.
   volume (base asset), quote_volume (quote asset) and vwap = quote_volume / volume are double
   precision, about 15 digits: the exact numbers are the minutes' own.
   realised_volatility: root of the sum of squared logarithmic returns between the VWAPs of
   minutes in a row that both have one, over the hour and not annualised (Andersen and Bollerslev
   1998); return_count says how many those are.
   expected_minutes: those of the hour that lie at or before the last minute of the mart.
   valued_minutes: those with a vwap. coverage = valued_minutes / expected_minutes, 0 to 1.
   filled_minutes: those without one that have a filled value; filled_ratio likewise. */
WITH spanned AS (
    SELECT
        touched.hour, held.*,
        LAG(held.minute) OVER (PARTITION BY held.symbol, touched.hour ORDER BY held.minute)
            AS minute_before,
        LAG(held.vwap) OVER (PARTITION BY held.symbol, touched.hour ORDER BY held.minute)
            AS vwap_before
    FROM {{ touched_hour }} AS touched
    CROSS JOIN {{ minute }} AS held
    WHERE
        held.symbol = touched.symbol
        AND held.minute >= touched.since AND held.minute < touched.hour || 'Z'
),
returned AS (
    SELECT
        spanned.*,
        /* Minute of the hour less that of the row before: 1 inside an hour, -59 across two. */
        CASE
            WHEN
                CAST(substr(minute, 15, 2) AS INTEGER)
                - CAST(substr(minute_before, 15, 2) AS INTEGER) IN (1, -59)
                THEN LN(CAST(vwap AS DOUBLE PRECISION) / CAST(vwap_before AS DOUBLE PRECISION))
        END AS log_return
    FROM spanned
),
ranked AS (
    SELECT
        returned.*,
        CASE WHEN vwap IS NULL THEN 0 ELSE 1 END AS is_valued,
        ',' || COALESCE(soft_flags, '') || ',' AS odd,
        ROW_NUMBER() OVER (
            PARTITION BY symbol, hour ORDER BY vwap IS NULL, minute
        ) AS from_first,
        ROW_NUMBER() OVER (
            PARTITION BY symbol, hour ORDER BY vwap IS NULL, minute DESC
        ) AS from_last,
        ROW_NUMBER() OVER (
            PARTITION BY symbol, hour
            ORDER BY vwap IS NULL, CAST(high AS DOUBLE PRECISION) DESC
        ) AS from_highest,
        ROW_NUMBER() OVER (
            PARTITION BY symbol, hour
            ORDER BY vwap IS NULL, CAST(low AS DOUBLE PRECISION)
        ) AS from_lowest
    FROM returned
    WHERE minute >= hour
),
summed AS (
    SELECT
        hour, symbol,
        MAX(CASE WHEN from_first = 1 AND is_valued = 1 THEN open END) AS open,
        MAX(CASE WHEN from_highest = 1 AND is_valued = 1 THEN high END) AS high,
        MAX(CASE WHEN from_lowest = 1 AND is_valued = 1 THEN low END) AS low,
        MAX(CASE WHEN from_last = 1 AND is_valued = 1 THEN close END) AS close,
        SUM(CASE WHEN is_valued = 1 THEN CAST(volume AS DOUBLE PRECISION) END) AS volume,
        SUM(CASE WHEN is_valued = 1 THEN CAST(quote_volume AS DOUBLE PRECISION) END)
            AS quote_volume,
        SQRT(SUM(log_return * log_return)) AS realised_volatility,
        COUNT(log_return) AS return_count,
        SUM(is_valued) AS valued_minutes,
        SUM(CASE WHEN is_valued = 0 AND filled_vwap IS NOT NULL THEN 1 ELSE 0 END)
            AS filled_minutes,
        CASE
            WHEN hour = (SELECT substr(MAX(minute), 1, 13) FROM {{ minute }})
                THEN (SELECT CAST(substr(MAX(minute), 15, 2) AS INTEGER) + 1 FROM {{ minute }})
            ELSE 60
        END AS expected_minutes,
        SUM(CASE WHEN flag = 'OK' THEN 1 ELSE 0 END) AS ok_minutes,
        SUM(CASE WHEN flag = 'PARTIAL' THEN 1 ELSE 0 END) AS partial_minutes,
        SUM(CASE WHEN flag = 'NO_TRADES' THEN 1 ELSE 0 END) AS no_trades_minutes,
        SUM(CASE WHEN flag = 'HALTED' THEN 1 ELSE 0 END) AS halted_minutes,
        SUM(CASE WHEN flag = 'EXCHANGE_OUTAGE' THEN 1 ELSE 0 END) AS exchange_outage_minutes,
        SUM(CASE WHEN flag = 'SOURCE_GAP' THEN 1 ELSE 0 END) AS source_gap_minutes,
        SUM(CASE WHEN flag = 'INGEST_GAP' THEN 1 ELSE 0 END) AS ingest_gap_minutes,
        SUM(CASE WHEN odd LIKE '%,JUMP,%' THEN 1 ELSE 0 END) AS jump_minutes,
        SUM(CASE WHEN odd LIKE '%,JUMP_CONFIRMED,%' THEN 1 ELSE 0 END) AS jump_confirmed_minutes,
        SUM(CASE WHEN odd LIKE '%,SPIKE,%' THEN 1 ELSE 0 END) AS spike_minutes,
        SUM(CASE WHEN odd LIKE '%,SEAM,%' THEN 1 ELSE 0 END) AS seam_minutes,
        SUM(CASE WHEN odd LIKE '%,STALE,%' THEN 1 ELSE 0 END) AS stale_minutes,
        SUM(CASE WHEN odd LIKE '%,CROSS_SOURCE,%' THEN 1 ELSE 0 END) AS cross_source_minutes,
        MAX(known_at) AS known_at
    FROM ranked
    GROUP BY hour, symbol
)
SELECT
    summed.*,
    CASE WHEN volume > 0 THEN quote_volume / volume END AS vwap,
    CAST(valued_minutes AS DOUBLE PRECISION) / expected_minutes AS coverage,
    CAST(filled_minutes AS DOUBLE PRECISION) / expected_minutes AS filled_ratio
FROM summed

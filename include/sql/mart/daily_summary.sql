/* One row per symbol and UTC day of a touched hour, added up from its hours.

   day: YYYY-MM-DD. The columns are those of hourly_summary.sql, over the day. An hour without
   any published minute has no row there and still counts here as expected. */
WITH touched AS (
    SELECT DISTINCT symbol, day FROM {{ touched_hour }}
),
ranked AS (
    SELECT
        touched.day, hours.*,
        ROW_NUMBER() OVER (
            PARTITION BY hours.symbol, touched.day ORDER BY hours.open IS NULL, hours.hour
        ) AS from_first,
        ROW_NUMBER() OVER (
            PARTITION BY hours.symbol, touched.day ORDER BY hours.open IS NULL, hours.hour DESC
        ) AS from_last,
        ROW_NUMBER() OVER (
            PARTITION BY hours.symbol, touched.day
            ORDER BY hours.open IS NULL, CAST(hours.high AS DOUBLE PRECISION) DESC
        ) AS from_highest,
        ROW_NUMBER() OVER (
            PARTITION BY hours.symbol, touched.day
            ORDER BY hours.open IS NULL, CAST(hours.low AS DOUBLE PRECISION)
        ) AS from_lowest
    FROM touched
    INNER JOIN {{ hourly_summary }} AS hours
        ON hours.symbol = touched.symbol
        AND hours.hour >= touched.day AND hours.hour < touched.day || 'Z'
),
summed AS (
    SELECT
        day, symbol,
        MAX(CASE WHEN from_first = 1 THEN open END) AS open,
        MAX(CASE WHEN from_highest = 1 THEN high END) AS high,
        MAX(CASE WHEN from_lowest = 1 THEN low END) AS low,
        MAX(CASE WHEN from_last = 1 THEN close END) AS close,
        SUM(volume) AS volume,
        SUM(quote_volume) AS quote_volume,
        SQRT(SUM(realised_volatility * realised_volatility)) AS realised_volatility,
        SUM(return_count) AS return_count,
        SUM(valued_minutes) AS valued_minutes,
        SUM(filled_minutes) AS filled_minutes,
        CASE
            WHEN day = (SELECT substr(MAX(minute), 1, 10) FROM {{ minute }})
                THEN (
                    SELECT
                        60 * CAST(substr(MAX(minute), 12, 2) AS INTEGER)
                        + CAST(substr(MAX(minute), 15, 2) AS INTEGER) + 1
                    FROM {{ minute }}
                )
            ELSE 1440
        END AS expected_minutes,
        SUM(ok_minutes) AS ok_minutes,
        SUM(partial_minutes) AS partial_minutes,
        SUM(no_trades_minutes) AS no_trades_minutes,
        SUM(halted_minutes) AS halted_minutes,
        SUM(exchange_outage_minutes) AS exchange_outage_minutes,
        SUM(source_gap_minutes) AS source_gap_minutes,
        SUM(ingest_gap_minutes) AS ingest_gap_minutes,
        SUM(jump_minutes) AS jump_minutes,
        SUM(jump_confirmed_minutes) AS jump_confirmed_minutes,
        SUM(spike_minutes) AS spike_minutes,
        SUM(seam_minutes) AS seam_minutes,
        SUM(stale_minutes) AS stale_minutes,
        SUM(cross_source_minutes) AS cross_source_minutes,
        MAX(known_at) AS known_at
    FROM ranked
    GROUP BY day, symbol
)
SELECT
    summed.*,
    CASE WHEN volume > 0 THEN quote_volume / volume END AS vwap,
    CAST(valued_minutes AS DOUBLE PRECISION) / expected_minutes AS coverage,
    CAST(filled_minutes AS DOUBLE PRECISION) / expected_minutes AS filled_ratio
FROM summed

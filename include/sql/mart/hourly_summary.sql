/* One row per symbol and UTC hour that a staged minute touches, over all minutes of that hour.

   hour: YYYY-MM-DDTHH. open, high, low, close: exact text of the traded minutes' own values.
   volume (base asset), quote_volume (quote asset) and vwap = quote_volume / volume are double
   precision, about 15 digits: the exact numbers are the minutes' own.
   expected_minutes: those of the hour that lie at or before the last minute of the mart.
   valued_minutes: those with a vwap. coverage = valued_minutes / expected_minutes, 0 to 1. */
WITH touched AS (
    SELECT DISTINCT symbol, substr(minute, 1, 13) AS hour FROM {{ staged_minute }}
),
ranked AS (
    SELECT
        touched.hour, held.*,
        CASE WHEN held.vwap IS NULL THEN 0 ELSE 1 END AS is_valued,
        ROW_NUMBER() OVER (
            PARTITION BY held.symbol, touched.hour ORDER BY held.vwap IS NULL, held.minute
        ) AS from_first,
        ROW_NUMBER() OVER (
            PARTITION BY held.symbol, touched.hour ORDER BY held.vwap IS NULL, held.minute DESC
        ) AS from_last,
        ROW_NUMBER() OVER (
            PARTITION BY held.symbol, touched.hour
            ORDER BY held.vwap IS NULL, CAST(held.high AS DOUBLE PRECISION) DESC
        ) AS from_highest,
        ROW_NUMBER() OVER (
            PARTITION BY held.symbol, touched.hour
            ORDER BY held.vwap IS NULL, CAST(held.low AS DOUBLE PRECISION)
        ) AS from_lowest
    FROM touched
    INNER JOIN {{ minute }} AS held
        ON held.symbol = touched.symbol
        AND held.minute >= touched.hour AND held.minute < touched.hour || 'Z'
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
        SUM(is_valued) AS valued_minutes,
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
        MAX(known_at) AS known_at
    FROM ranked
    GROUP BY hour, symbol
)
SELECT
    summed.*,
    CASE WHEN volume > 0 THEN quote_volume / volume END AS vwap,
    CAST(valued_minutes AS DOUBLE PRECISION) / expected_minutes AS coverage
FROM summed

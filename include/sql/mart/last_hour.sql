/* How far the hours of each symbol are summed up. hour: YYYY-MM-DDTHH. */
SELECT symbol, MAX(hour) AS hour FROM {{ hourly_quality }} GROUP BY symbol

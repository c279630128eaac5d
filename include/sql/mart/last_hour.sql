/* The last summarised hour of each symbol. hour: YYYY-MM-DDTHH. */
SELECT symbol, MAX(hour) AS hour FROM {{ hourly_quality }} GROUP BY symbol

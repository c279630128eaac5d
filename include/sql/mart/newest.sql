/* When the newest revision in the mart was published. */
SELECT MAX(known_at) AS known_at FROM {{ daily_summary }}

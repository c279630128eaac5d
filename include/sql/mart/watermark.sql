/* How far the mart has come, by publication: written last, when all that came before is done. */
SELECT MAX(known_at) AS known_at FROM {{ daily_summary }}

/* One row per symbol and touched UTC hour: how reliable its minutes are.

   hour: YYYY-MM-DDTHH. published_minutes: those with a row, with a value or without.
   seconds_ratio: mean share of the seconds held, 0 to 1. mean_quality and least_quality: of the
   minutes with a value, 0 to 100. a_minutes to e_minutes: by grade. agreeing_minutes and
   differing_minutes: the seconds and the exchange's own minute agree, or do not; where one of them
   is absent, neither counts. revised_minutes: published more than once. */
SELECT
    touched.hour,
    touched.symbol,
    COUNT(*) AS published_minutes,
    AVG(CAST(held.coverage AS DOUBLE PRECISION)) AS seconds_ratio,
    CAST(AVG(CAST(held.quality AS DOUBLE PRECISION)) AS DOUBLE PRECISION) AS mean_quality,
    MIN(held.quality) AS least_quality,
    SUM(CASE WHEN held.grade = 'A' THEN 1 ELSE 0 END) AS a_minutes,
    SUM(CASE WHEN held.grade = 'B' THEN 1 ELSE 0 END) AS b_minutes,
    SUM(CASE WHEN held.grade = 'C' THEN 1 ELSE 0 END) AS c_minutes,
    SUM(CASE WHEN held.grade = 'D' THEN 1 ELSE 0 END) AS d_minutes,
    SUM(CASE WHEN held.grade = 'E' THEN 1 ELSE 0 END) AS e_minutes,
    SUM(CASE WHEN held.is_reconciled = 1 THEN 1 ELSE 0 END) AS agreeing_minutes,
    SUM(CASE WHEN held.is_reconciled = 0 THEN 1 ELSE 0 END) AS differing_minutes,
    SUM(CASE WHEN held.revision > 1 THEN 1 ELSE 0 END) AS revised_minutes
FROM {{ touched_hour }} AS touched
CROSS JOIN {{ minute }} AS held
WHERE
    held.symbol = touched.symbol
    AND held.minute >= touched.hour AND held.minute < touched.hour || 'Z'
GROUP BY touched.hour, touched.symbol

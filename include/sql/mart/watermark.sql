/* How far the files and reports have come, by publication: written last, when they are there. */
SELECT CAST(:known_at AS TEXT) AS known_at

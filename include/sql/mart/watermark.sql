/* The publication time up to which files and reports are complete: written last, after them. */
SELECT CAST(:known_at AS TEXT) AS known_at

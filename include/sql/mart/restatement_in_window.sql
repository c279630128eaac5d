/* The restatements of minutes in the half-open window [start, end). */
SELECT minute, symbol, revision, known_at, vwap_before, vwap_after, difference_ratio, is_alarming
FROM {{ restatement }}
WHERE minute >= :start AND minute < :end

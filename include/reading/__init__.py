"""Queries for users: prices as of a moment, the board, one minute in detail, quality by day."""

"""Trades of the past or generated ones: read, placed on a clock, made into klines."""

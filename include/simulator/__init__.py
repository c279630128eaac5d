"""A stand-in for Binance's public spot market data, to run and check the pipeline against.

Run it with `python -m include.simulator`. It replays recorded trades (tape/SOURCES.md) and
generated ones on the wall clock, and answers as the exchange does. Every answer is a function of
the trades and the clock alone: a restart changes no history. It shares no code with the pipeline,
because it is what the pipeline's numbers are checked against.
"""

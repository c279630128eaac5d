"""The listed symbols and the exchange's data on them: klines, trades, tickers, exchangeInfo."""

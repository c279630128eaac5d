"""What is listed, and what the exchange says of it: klines, trades, tickers, exchangeInfo."""

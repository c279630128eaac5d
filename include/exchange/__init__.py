"""Binance over HTTP: requests within the shared weight budget, replies treated as untrusted."""

"""Binance over HTTP: requests within the shared weight budget, replies read without trust."""

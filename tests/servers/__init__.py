"""Servers that only tests need: a stand-in for Astra, a proxy, a second API server."""

"""Cassandra: sessions, statements, the schema and every table; only here is the driver imported."""

"""Cassandra: sessions, statements, schema and every table; the only package with the driver."""

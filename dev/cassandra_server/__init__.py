"""A real Cassandra on the loopback address, from its jars; ./dev/cassandra."""

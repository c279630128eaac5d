"""The code behind the DAGs; docs/architecture.md shows how the packages fit together."""

"""The code behind the DAGs; docs/development/architecture.md shows how the packages fit together."""

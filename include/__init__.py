"""The code behind the DAGs; docs/development/architecture.md shows how packages fit together."""

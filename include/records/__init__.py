"""The pipeline's records and the limits they are checked against: pure, no dependencies."""

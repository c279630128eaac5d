"""A request: its parameters, its clock and units of time, its weight, limits and refusals."""

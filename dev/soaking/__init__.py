"""The whole stack under random faults: ./dev/soak."""

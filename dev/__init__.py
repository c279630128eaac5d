"""What ./dev/up and its neighbours do: the whole stack on one machine, without Docker."""

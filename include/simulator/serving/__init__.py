"""The web application: the endpoints under /api/v3, the archive, and their description."""

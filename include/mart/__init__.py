"""The reporting mart, by the Astro SDK, in SQLite or a database server; and its exported files."""

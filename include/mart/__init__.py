"""The reporting mart, built by the Astro SDK in SQLite or a database server, and its exports."""

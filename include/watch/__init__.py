"""The price watch: rules, their state, and the texts it sends; pure."""

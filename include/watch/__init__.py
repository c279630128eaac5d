"""The price watch: rules, what each remembers, and the words it says; pure."""

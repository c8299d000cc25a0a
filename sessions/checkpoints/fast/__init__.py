"""Single statements for the commonest operations on Postgres."""

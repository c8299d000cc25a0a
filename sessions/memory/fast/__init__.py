"""Single statements for the commonest operations on memories on Postgres."""

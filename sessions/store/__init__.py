"""Many sessions in one database."""

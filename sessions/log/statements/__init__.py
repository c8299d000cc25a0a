"""The log's SQL, each statement with a name and a purpose."""

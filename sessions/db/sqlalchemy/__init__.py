"""Any database that SQLAlchemy reaches: Postgres, MariaDB, and SQLite through it."""

"""Postgres through asyncpg's own connections, borrowed from the engine's pool."""

"""Conversations with branches at the limit on Postgres: raw asyncpg, one prepared statement an operation."""

from typing import Any

from benchmarks.branching import (
    CURRENT,
    DROP,
    FORK,
    FORK_BEFORE,
    LIST,
    MAKE,
    MAKE_BRANCH,
    MAKE_SEGMENT,
    REDO,
    SWITCH,
    UNDO,
    numbered_rows,
)
from benchmarks.data import Item
from benchmarks.limit import decode


class PostgresLimit:
    """One conversation."""

    UNDO = f"WITH b AS ({UNDO} RETURNING b.segment, b.tip AS low, b.redo AS high) "
    REDO = f"WITH b AS ({REDO} RETURNING b.segment, b.redo AS low, b.tip AS high) "
    MOVED = (
        "SELECT payload FROM b JOIN items i ON i.segment = b.segment AND i.position > b.low AND i.position <= b.high "
        "ORDER BY i.position"
    )
    GROW = """
    WITH current AS (
        SELECT b.* FROM sessions s JOIN branches b ON b.session = s.session AND b.name = s.branch WHERE s.session = $1
    ), opened AS (
        INSERT INTO segments (parent, fork_position) SELECT c.segment, c.tip FROM current c
        WHERE EXISTS (SELECT 1 FROM items i WHERE i.segment = c.segment AND i.position = c.tip + 1) RETURNING id
    ), place AS (
        SELECT coalesce((SELECT id FROM opened), c.segment) AS segment, c.name, c.tip, c.turns FROM current c
    ), grown AS (
        UPDATE branches b SET segment = p.segment, tip = p.tip + $2, turns = p.turns + $3, redo = NULL FROM place p
        WHERE b.session = $1 AND b.name = p.name
    )
    INSERT INTO items SELECT p.segment, p.tip + u.o, p.turns + u.t, u.opens, u.d
    FROM place p, unnest($4::bigint[], $5::bigint[], $6::bytea[]) WITH ORDINALITY u (t, opens, d, o)
    """
    READ = """
    WITH RECURSIVE lineage (segment, high, low, parent) AS (
        SELECT b.segment, b.tip, g.fork_position, g.parent
        FROM sessions s JOIN branches b ON b.session = s.session AND b.name = s.branch
        JOIN segments g ON g.id = b.segment WHERE s.session = $1
        UNION ALL
        SELECT g.id, l.low, g.fork_position, g.parent FROM lineage l JOIN segments g ON g.id = l.parent
    )
    SELECT i.payload FROM lineage l CROSS JOIN LATERAL (
        SELECT position, payload FROM items WHERE segment = l.segment AND position <= l.high
        AND position > coalesce(l.low, 0) ORDER BY position DESC LIMIT $2
    ) i ORDER BY i.position DESC LIMIT $2
    """

    def __init__(self, session_id: str, pool: Any) -> None:
        self.session_id = session_id
        self.pool = pool

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        """Executes one statement."""
        async with self.pool.acquire() as connection:
            found: list[Any] = await connection.fetch(statement, *values)
            return found

    async def fork(self, name: str, before: int | None = None) -> None:
        """One statement."""
        if before is None:
            await self.rows(FORK, self.session_id, name)
        else:
            await self.rows(FORK_BEFORE, self.session_id, name, before)

    async def drop(self, name: str) -> None:
        """Not measured."""
        await self.rows(DROP, self.session_id, name)

    async def switch(self, name: str) -> None:
        """One statement."""
        await self.rows(SWITCH, self.session_id, name)

    async def branches(self) -> int:
        """One statement."""
        return len(await self.rows(LIST, self.session_id))

    async def undo(self) -> list[Item]:
        """One statement."""
        # The select sees the rows as they were before the change, which does not touch them.
        return [decode(payload) for (payload,) in await self.rows(self.UNDO + self.MOVED, self.session_id)]

    async def redo(self) -> list[Item]:
        """One statement."""
        return [decode(payload) for (payload,) in await self.rows(self.REDO + self.MOVED, self.session_id)]

    async def add_items(self, items: list[Item]) -> None:
        """One statement, but for the first of a session."""
        if not await self.rows(CURRENT, self.session_id):
            await self.rows(MAKE, self.session_id)
            ((segment,),) = await self.rows(MAKE_SEGMENT)
            await self.rows(MAKE_BRANCH, self.session_id, segment)
        await self.grow(items)

    async def grow(self, items: list[Item]) -> None:
        """One statement, where there is a session."""
        rows, turns = numbered_rows(items, 0, 0, 0)
        columns = [[row[column] for row in rows] for column in (2, 3, 4)]
        await self.rows(self.GROW, self.session_id, len(items), turns, *columns)

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """One statement."""
        found = await self.rows(self.READ, self.session_id, 1 << 40 if limit is None else limit)
        return [decode(payload) for (payload,) in reversed(found)]

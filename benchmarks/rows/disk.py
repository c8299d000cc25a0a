"""What a conversation takes on disk, once the write-ahead log is folded into the database file."""

import sqlite3
from contextlib import closing
from typing import ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Target


class Disk(Row):
    """2,000 items, added 2 to 4 at a time."""

    name = "bytes on disk"
    figures: ClassVar = (Figure("of 2,000 items", "MB", Target(1.2)),)
    rounds = 1  # Nothing about it varies.

    @override
    async def sample(self) -> dict[str, float]:
        path = self.setting.folder / "disk.db"
        session = self.setting.open("disk", path)
        length = 0
        while length < 2_000:
            count = min(2 + length % 3, 2_000 - length)
            await session.add_items(self.setting.some(length, count))
            length += count
        session.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        # Whatever a side keeps beside the file counts, but for the index of the log: it lives in memory.
        kept = [file for file in path.parent.glob("disk.db*") if not file.name.endswith("-shm")]
        return {"of 2,000 items": sum(file.stat().st_size for file in kept) / 1e6}

"""The limit with group commit: writers that wait at the same moment share one sync of the disk.

The blocking limit cannot do that, which is why many tasks can beat it. Reads stay on the caller's thread, on
a connection of their own.
"""

import asyncio
import queue
import sqlite3
import threading
from pathlib import Path

from typing_extensions import override

from benchmarks.data import Item
from benchmarks.limit import LimitSession, connect, encode, insert

_writers: dict[Path, "_Writer"] = {}


class _Writer:
    """A thread that commits all the appends it finds waiting as one transaction."""

    def __init__(self, path: Path) -> None:
        self.waiting: queue.SimpleQueue[tuple[asyncio.Future[None], str, list[Item]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(connect(path),), daemon=True).start()

    def _run(self, connection: sqlite3.Connection) -> None:
        while True:
            group = [self.waiting.get()]
            while not self.waiting.empty():
                group.append(self.waiting.get())
            connection.execute("BEGIN IMMEDIATE")
            for _, session_id, items in group:
                insert(connection, session_id, [encode(item) for item in items])
            connection.execute("COMMIT")
            futures = [future for future, _, _ in group]
            futures[0].get_loop().call_soon_threadsafe(_wake, futures)


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


class GroupedSession(LimitSession):
    """`LimitSession` whose appends travel in groups."""

    def __init__(self, session_id: str, path: Path) -> None:
        super().__init__(session_id, path)
        if path not in _writers:
            _writers[path] = _Writer(path)
        self.writer = _writers[path]

    @override
    async def add_items(self, items: list[Item]) -> None:
        future = asyncio.get_running_loop().create_future()
        self.writer.waiting.put((future, self.session_id, items))
        await future

"""Programs that close nothing end at once, quietly, and lose nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from sessions import SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_strictly = pytest.mark.parametrize("options", [(), ("-X", "dev", "-W", "error")], ids=["plain", "development mode"])


@_strictly
def test_a_session_in_a_file(path: Path, start: Start, options: tuple[str, ...]) -> None:
    """The connections are closed too: everything is in the file itself, and its companions are gone.

    Fails without: db/sqlite/connection_thread.py, `self._thread.daemon = True`.
    """
    start(
        """
        session = SQLiteSession("conversation", path)
        add(session, {"n": 1})
        items(session)
        """,
        path,
        options=options,
    ).finish()

    assert not path.with_name(f"{path.name}-wal").exists()
    assert asyncio.run(SQLiteSession("conversation", path).get_items()) == [{"n": 1}]


@_strictly
def test_a_session_in_memory(start: Start, options: tuple[str, ...]) -> None:
    """Fails without: db/sqlite/connection_thread.py, `self._thread.daemon = True`."""
    start(
        """
        session = SQLiteSession("conversation")
        add(session, {"n": 1})
        assert items(session) == [{"n": 1}]
        """,
        options=options,
    ).finish()


@_strictly
def test_many_sessions_in_threads_and_loops(path: Path, start: Start, options: tuple[str, ...]) -> None:
    """Fails without: db/sqlite/connection_thread.py, `self._thread.daemon = True`."""
    start(
        """
        import threading
        def work(number):
            add(SQLiteSession("conversation", f"{path}.{number % 4}"), {"n": number})
        threads = [threading.Thread(target=work, args=[number]) for number in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
        path,
        options=options,
    ).finish()

    found = [asyncio.run(SQLiteSession("conversation", f"{path}.{number}").get_items()) for number in range(4)]
    assert sorted(item["n"] for items in found for item in items) == list(range(16))


@_strictly
def test_appends_that_nobody_awaits(path: Path, start: Start, options: tuple[str, ...]) -> None:
    """What still waits when the program ends is done before it ends, and the file is closed behind it.

    Fails without: db/sqlite/registry.py, `atexit.register(_close_all)`.
    """
    start(
        """
        import time
        from sessions.db.sqlite import registry
        registry._EXIT_TIMEOUT = 60
        session = SQLiteSession("conversation", path)
        add(session, {"n": "before"})
        session._sqlite.database("test")._writing.post(lambda: time.sleep(0.5))
        async def leave():
            for number in range(20):
                append = session.add_items([{"n": number}, {"n": number}])
                append.send(None)  # Up to where it waits.
                append.close()
        asyncio.run(leave())
        """,
        path,
        options=options,
    ).finish()

    assert not path.with_name(f"{path.name}-wal").exists()
    found = [item["n"] for item in asyncio.run(SQLiteSession("conversation", path).get_items())]
    assert found == ["before", *(n for n in range(20) for _ in range(2))]


@_strictly
def test_an_exit_in_the_middle_of_an_append(path: Path, start: Start, options: tuple[str, ...]) -> None:
    """The thread that appends is a daemon, so it is gone at any moment.

    Fails without: log/core/extend.py, `tx.many(entry_statements.ADD_ENTRY, ...)`.
    """
    program = start(
        """
        import contextlib, threading, sessions
        async def append():
            session = SQLiteSession("conversation", path)
            for number in range(1_000_000):
                await session.add_items([{"n": number}, {"n": number}])
                os.write(1, f"{number}\\n".encode())  # print would take a lock into the grave.
        def work():
            # Late in its end, Python starts no threads.
            with contextlib.suppress(RuntimeError, sessions.StoreError):
                asyncio.run(append())
        threading.Thread(target=work, daemon=True).start()
        heard()
        """,
        path,
        options=options,
    )
    acknowledged = [program.hear() for _ in range(100)]
    program.say()
    acknowledged += program.finish()

    found = [item["n"] for item in asyncio.run(SQLiteSession("conversation", path).get_items())]
    assert found == [n for n in range(len(found) // 2) for _ in range(2)]
    assert len(found) // 2 >= len([line for line in acknowledged if line])


@_strictly
def test_an_exit_while_another_process_holds_the_file(path: Path, start: Start, options: tuple[str, ...]) -> None:
    """The append cannot be done, and the program does not wait for that.

    Fails without: db/sqlite/registry.py, the deadline of the joins in `_close_all`.
    """
    session = SQLiteSession("conversation", path)
    asyncio.run(session.add_items([{"n": "before"}]))
    session.close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")

    start(
        """
        import threading, time
        session = SQLiteSession("conversation", path, busy_timeout=3600)
        items(session)
        threading.Thread(target=add, args=[session, {"n": "left"}], daemon=True).start()
        time.sleep(0.2)
        """,
        path,
        options=options,
    ).finish()

    holder.execute("commit")
    holder.close()
    assert asyncio.run(SQLiteSession("conversation", path).get_items()) == [{"n": "before"}]


def test_a_session_used_after_our_own_end(path: Path, start: Start) -> None:
    """Functions that a program has called at its end run after ours if they were registered before.

    Fails without: db/sqlite/backend.py, `if database.path == MEMORY` in `_open_again`; for a file,
    `retire(database)` there together with db/sqlite/registry.py, `_files.clear()` in `_close_all`.
    """
    said = start(
        """
        import atexit
        from sessions.db.sqlite import registry
        in_file, in_memory = SQLiteSession("conversation", path), SQLiteSession("conversation")
        add(in_file, {"n": "before"})
        add(in_memory, {"n": "before"})

        def use():
            for session in (in_file, in_memory):
                try:
                    add(session, {"n": "after"})
                    say("added")
                except Exception as error:
                    say(type(error).__name__)

        atexit.unregister(registry._close_all)
        atexit.register(use)
        atexit.register(registry._close_all)
        """,
        path,
    ).finish()

    items = asyncio.run(SQLiteSession("conversation", path).get_items())
    assert said in (["added", "SessionClosedError"], ["StoreError", "SessionClosedError"])
    # Some versions of Python start no thread any more; what was acknowledged is there all the same.
    assert items == [{"n": "before"}, {"n": "after"}][: 2 if said[0] == "added" else 1]

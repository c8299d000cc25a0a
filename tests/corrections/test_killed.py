"""A process is killed before each statement of a correction: all of it is done, or nothing."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession, open_store
from sessions.testing.corrections.shared import stored
from tests.faults.conftest import path, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import Start

__all__ = ["path", "start"]

SECRET = "whatnobodyshouldhavesaid"  # noqa: S105 - it is said

_CORRECTS = """
async def correct(session_id, how, statements):
    session = SQLiteSession(session_id, path)
    entry = await session.entry(key="secret")
    die_before(statements)
    if how == "remove a way":
        (way,) = [sibling for sibling in await session.siblings(1) if not sibling.current]
        await session.remove(way=way)
    else:
        await getattr(session, how)(id=entry.id, summaries="drop")
    say("done")

asyncio.run(correct(sys.argv[2], sys.argv[3], int(sys.argv[4])))
"""


async def _fill(path: Path, session_id: str) -> Any:
    """Say it in a message with a title, copied by a repair, summarised, and on a way that was left."""

    async def quote(items: list[Any]) -> str:
        return " ".join(str(item.get("content")) for item in items)

    async with open_store(f"sqlite:///{path}", title=lambda message: message["content"]) as store:
        session = store.session(session_id)
        await session.add_items([{"role": "user", "content": f"{SECRET} 1"}, {"role": "assistant", "content": "2"}])
        call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
        output = {"type": "function_call_output", "call_id": "c", "output": "found"}
        said = {"role": "assistant", "content": f"{SECRET} 2"}
        await session.add_items(
            [call, {"role": "user", "content": "3"}, output, said], keys=[None, None, None, "secret"]
        )
        await session.repair(apply=True)
        await session.compact(quote, keep_turns=0)
        return await _state(session)


async def _state(session: Any) -> Any:
    return [
        [(one.row._replace(payload=b""), one.item) for one in await stored(session)],
        await session.info(), await session.version(), await session.branches.list(),
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["redact", "remove", "remove a way"])
def test_kill_9_leaves_all_or_nothing(path: Path, start: Start, how: str) -> None:
    """Fails without: db/sqlite/group_commit.py, `begin immediate` and `commit` in `_write_alone`."""
    left = {"nothing": 0, "all": 0}
    for statement in range(40):
        session_id = f"{how} {statement}"
        before = asyncio.run(_fill(path, session_id))
        program = start(_CORRECTS, path, session_id, how, statement)
        heard = list(iter(program.hear, ""))
        program.kill()
        after = asyncio.run(_found(path, session_id))
        if after == before:
            assert heard == [], program.errors()
            left["nothing"] += 1
            continue
        # All: the last statements are those of the upkeep behind it.
        _check(how, before, after)
        left["all"] += 1
        if heard == ["done"]:
            break
    else:
        pytest.fail(f"it was never finished: {program.errors()}")
    assert left["nothing"] > 3
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


async def _found(path: Path, session_id: str) -> Any:
    session = SQLiteSession(session_id, path)
    state = await _state(session)
    session.close()
    return state


def _check(how: str, before: Any, after: Any) -> None:
    """See that a correction was done completely."""
    rows, info, version, _ = after
    texts = [(row.kind, item) for row, item in rows]
    assert version == before[2] + 1
    # The title is that of another message.
    assert info == before[1]
    if how == "remove a way":
        assert len(rows) == len(before[0]) - 3
        assert str(texts).count(f"{SECRET} 2") == 2
        return
    assert f"{SECRET} 2" not in str(texts)
    assert not any("summary" in kind for kind, _ in texts)
    emptied = [item for _, item in texts if item == {"role": "assistant", "content": ""}]
    assert len(emptied) == (2 if how == "redact" else 0)
    assert len(rows) == len(before[0]) - 1 - (2 if how == "remove" else 0)

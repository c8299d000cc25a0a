"""Recorded conversations go from each database to a SQLite file and back, plain and encrypted, and stay the same.

An ordinary run takes some, and fewer from servers; ``--everything`` takes all of them, from everywhere, in parts that
are run beside each other: each session is observed three times, with seven reads for each of its branches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import SessionsError, generate_key, open_store
from sessions.testing.export_model import comparable, exported
from sessions.testing.observing import observe, without_ids
from tests.history.oasst import load_as_branches, load_as_chat, load_trees
from tests.windows.conversations import as_responses, load_runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sessions import Store

_SOME = [("sqlite", False, 20), ("sqlite", True, 20), ("postgres", False, 4), ("mariadb", False, 4)]

_PARTS: Final = 5
"""An odd number, so that each part has trees and runs of both ways of making them."""


def _trips() -> Iterator[Any]:
    """Yield what to take where."""
    for database, encrypted, count in _SOME:
        yield pytest.param(database, encrypted, slice(count), id=f"{database}-{encrypted}-{count}")
    for database in ("sqlite", "postgres", "mariadb"):
        for encrypted in (False, True):
            for part in range(_PARTS):
                name = f"{database}-{encrypted}-all-{part + 1}"
                taken = slice(part, None, _PARTS)
                marks = pytest.mark.everything, pytest.mark.timeout(900)
                yield pytest.param(database, encrypted, taken, id=name, marks=marks)


async def fill(store: Store, taken: slice) -> list[str]:
    """Make sessions of some trees and runs, in each of two ways; return their ids."""
    made = []
    for number, tree in list(enumerate(load_trees()))[taken]:
        load = load_as_branches if number % 2 else load_as_chat
        await load(store.session(f"tree {number}"), tree)
        made.append(f"tree {number}")
    for number, run in list(enumerate(load_runs()))[taken]:
        session = store.session(f"run {number}", owner=("airline", str(number)))
        items = as_responses(run) if number % 2 else run
        keys = [f"{number}.{index}" for index in range(len(items))]
        half = len(items) // 2
        await session.add_items(items[:half], keys=keys[:half])
        await session.as_author("agent").add_items(items[half:], keys=keys[half:])
        await session.usage.record(input_tokens=number + 1, model="m", key="run")
        made.append(f"run {number}")
    return made


async def exercise(store: Store, session_id: str) -> list[Any]:
    """Go through a session's ways as a user does, and return all that is seen after each step."""
    session = store.session(session_id)
    seen: list[Any] = []
    for step in ("redo", "undo", "undo", "redo", "choose", "add", "undo"):
        try:
            match step:
                case "choose":
                    ways = await session.ways_on() or await session.siblings()
                    await session.choose(ways[0])
                case "add":
                    await session.add_items([{"role": "user", "content": "more"}], keys=["more"])
                case _:
                    await getattr(session, step)()
        except (SessionsError, IndexError) as error:
            seen.append(type(error).__name__)
        # The clocks of the two runs differ, so not all is compared.
        counts = [branch.items for branch in await session.branches.list()]
        seen.append((await session.version(), without_ids(str(await session.tree())), counts))
        seen.append(await session.get_items())
    return seen


async def there_and_back(store: Store, other: Store, folder: Path, taken: slice) -> None:
    ids = await fill(store, taken)
    before = {session_id: await observe(store, session_id) for session_id in ids}
    there, back = folder / "there.jsonl", folder / "back.jsonl"
    done = await store.export_sessions(there, plain=True)
    assert (done.sessions, done.restarted) == (len(ids), 0)
    assert (await other.import_sessions(there)).sessions == len(ids)
    for session_id in ids:
        assert await observe(other, session_id) == before[session_id]
    lines = comparable(await exported(other, *ids))
    assert lines == comparable(await exported(store, *ids))
    await other.export_sessions(back, plain=True)
    for session_id in ids:
        assert await store.delete(session_id)
    assert (await store.import_sessions(back)).sessions == len(ids)
    for session_id in ids:
        assert await observe(store, session_id) == before[session_id]
    assert comparable(await exported(store, *ids)) == lines
    for session_id in ids[::5]:
        assert await exercise(store, session_id) == await exercise(other, session_id)


@pytest.mark.parametrize(("anywhere", "encrypted", "taken"), list(_trips()), indirect=["anywhere"])
async def test_there_and_back(anywhere: str, tmp_path: Path, taken: slice, *, encrypted: bool) -> None:
    options: dict[str, Any] = {"create_tables": True}
    other: dict[str, Any] = {}
    if encrypted:
        options["encryption_key"], other["encryption_key"] = generate_key(), generate_key()
    async with (
        open_store(anywhere, **options) as store,
        open_store(f"sqlite:///{tmp_path}/other.db", durability="normal", **other) as elsewhere,
    ):
        await there_and_back(store, elsewhere, tmp_path, taken)

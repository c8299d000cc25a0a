"""Processes fork, undo, choose, delete and append on one session at once: nothing acknowledged is lost or torn."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sessions import Store, UnknownBranchError, open_store
from sessions.codecs.json import JSONCodec
from sessions.db.transaction import Statement

from .processes import run_together

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

_PROCESSES, _ROUNDS, _PARTS = 3, 60, 3
_ALL_PAYLOADS = Statement("Everything.", "select payload from {entries}")


@pytest.fixture(params=["file", "postgres", "mariadb"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:///{tmp_path}/sessions.db"
    return str(request.getfixturevalue("lend")(request.getfixturevalue(request.param)))


def _turn(process: int, number: int) -> list[dict[str, Any]]:
    """Return a turn that can be told from all others: a user's message and answers to it."""
    return [
        {"role": "assistant" if part else "user", "content": f"{process}.{number}.{part}"} for part in range(_PARTS)
    ]


def test_nothing_acknowledged_is_lost_and_nothing_torn_is_seen(store_url: str) -> None:
    """Each process notes in a session of its own what was acknowledged; only what was on deleted branches may be gone.

    Fails without: log/core/fork.py, `tx.run(branch_statements.RAISE_FLOOR`; log/core/gc.py, `after.get(segment, 0)`
    (as 0); log/core/reflog.py, `tx.run(branch_statements.SETTLE_TIP`.
    """
    run_together(_PROCESSES, _work, store_url)

    async def check() -> None:
        async with open_store(store_url) as store:
            payloads = await store._backend.read(lambda tx: tx.all(_ALL_PAYLOADS), "this test")
            decode = JSONCodec().decode
            stored = [decode(bytes(payload)).get("content") for (payload,) in payloads]
            deleted: set[str] = set()
            added: list[tuple[str, str]] = []
            for process in range(_PROCESSES):
                for note in await store.session(f"notes of {process}").get_items():
                    deleted |= set(note.get("deleted", []))
                    added += [(note["branch"], text) for text in note.get("added", [])]
            for branch, text in added:
                assert stored.count(text) == 1 or (branch in deleted and stored.count(text) == 0), (branch, text)
            assert any(branch == "main" for branch, _ in added)
            await _look(store)

    asyncio.run(check())


async def _look(store: Store) -> None:
    """Read every branch: whole turns, none twice."""
    session = store.session("shared")
    for branch in await session.branches.list():
        with suppress(UnknownBranchError):  # Another process has deleted it.
            items = await session.on_branch(branch.name).get_items()
            texts = [item["content"] for item in items]
            assert len(texts) == len(set(texts))
            for start in range(0, len(items), _PARTS):
                process, number, _ = texts[start].split(".")
                assert items[start : start + _PARTS] == _turn(int(process), int(number))


def _work(process: int, barrier: Barrier, url: str) -> None:
    async def work() -> None:
        chance = random.Random(process)  # noqa: S311 - a test's dice
        async with open_store(url, create_tables=True) as store:
            session, notes = store.session("shared"), store.session(f"notes of {process}")
            for number in range(_ROUNDS):
                listed = [branch.name for branch in await session.branches.list()] or ["main"]
                name = chance.choice(listed)
                pinned = session.on_branch(name)
                # What loses a race against another process is refused, and changes nothing.
                with suppress(ValueError):
                    match chance.choice(["add", "add", "add", "fork", "switch", "undo", "redo", "choose", "delete"]):
                        case "add":
                            await pinned.add_items(_turn(process, number))
                            await notes.add_items(
                                [{"branch": name, "added": [part["content"] for part in _turn(process, number)]}]
                            )
                        case "fork":
                            turn = chance.randint(1, 3)
                            await session.branches.create(f"{process}.{number}", source=name, turn=turn)
                        case "switch":
                            await session.branches.switch(name)
                        case "undo":
                            await pinned.undo(chance.randint(1, 2))
                        case "redo":
                            await pinned.redo()
                        case "choose":
                            await pinned.choose(chance.choice(await pinned.siblings()))
                        case "delete" if name != "main":
                            # Noted first: if it is refused, the check is only less strict.
                            await notes.add_items([{"branch": name, "deleted": [name]}])
                            await session.branches.delete(name, force=True)
                await _look(store)

    barrier.wait()
    asyncio.run(work())

"""Processes try turns on one branch at once, and replace the last one: each attempt is on the branch, or beside it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import ConflictError, open_store

from .processes import run_together

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

_PROCESSES, _ROUNDS = 3, 12


@pytest.fixture(params=["file", "postgres", "mariadb"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:///{tmp_path}/sessions.db"
    return str(request.getfixturevalue("lend")(request.getfixturevalue(request.param)))


def _item(text: str) -> dict[str, Any]:
    return {"role": "user" if text.startswith("u") else "assistant", "content": text}


def _work(process: int, barrier: Barrier, url: str) -> None:
    async def work() -> None:
        async with open_store(url, create_tables=True) as store:
            session, notes = store.session("shared"), store.session(f"notes of {process}")
            barrier.wait()
            for number in range(_ROUNDS):
                done = False
                while not done:
                    texts = [f"u {process}.{number}", f"a {process}.{number}"]
                    try:
                        async with session.attempt(on_failure="drop") as tried:
                            for text in texts:
                                await tried.add_items([_item(text)])
                        done = True
                    except ConflictError:
                        await notes.add_items([_item("conflict")])

    asyncio.run(work())


def test_each_turn_is_on_the_branch_once_and_whole(store_url: str) -> None:
    """Fails without: log/history/attempt.py, the comparison with `attempt.entry` in `commit_attempt`."""

    async def begin() -> None:
        async with open_store(store_url, create_tables=True) as store:
            await store.session("shared").add_items([_item("u first"), _item("a first")])

    asyncio.run(begin())
    run_together(_PROCESSES, _work, store_url)

    async def check() -> None:
        async with open_store(store_url) as store:
            session = store.session("shared")
            texts = [item["content"] for item in await session.get_items()]
            asked, answered = texts[::2], texts[1::2]
            assert [text[2:] for text in asked] == [text[2:] for text in answered]
            expected = {f"u {process}.{number}" for process in range(_PROCESSES) for number in range(_ROUNDS)}
            assert sorted(asked) == sorted({"u first", *expected})
            conflicts = 0
            for process in range(_PROCESSES):
                conflicts += len(await store.session(f"notes of {process}").get_items())
            # Each one that lost stays beside the branch, whole.
            beside = [way for ways in (await session.siblings_by_turn()).values() for way in ways if not way.current]
            assert len(beside) == conflicts
            for way in beside:
                *_, asks, answers = await session.items_of(way)
                assert asks["content"][2:] == answers["content"][2:]
            assert [branch.name for branch in await session.branches.list()] == ["main"]

    asyncio.run(check())

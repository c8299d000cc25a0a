"""A process is killed before any statement of a retention run, or of an owner's erasure; another one goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import RetentionPolicy, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store

    from .conftest import Start

_SESSIONS = 4
_TURNS = 6

_REMOVES = """
from sessions import RetentionPolicy, open_store

async def fill(store, life):
    for number in range(4):
        session = store.session(f"{life} {number}", owner=("ann", str(life)))
        for turn in range(6):
            await session.add_items([{"role": "user", "content": f"{turn}"}], keys=[f"k{turn}"])
        await session.usage.record(input_tokens=1)

async def remove(life, statements, how):
    store = open_store(f"sqlite:///{path}")
    await fill(store, life)
    await store.audits()
    die_before(statements)
    if how == "owner":
        await store.erase_owner("ann", below=True, scrub=False)
    elif how == "sessions":
        await store.retain(RetentionPolicy(older_than=0.000_001), batch=10, scrub=False)
    else:
        await store.retain(RetentionPolicy(keep_turns=2), batch=3, scrub=False)
    say("done")

asyncio.run(remove(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
"""


@pytest.mark.parametrize("how", ["owner", "sessions", "turns"])
def test_kill_9_leaves_each_session_whole_or_gone_and_the_next_run_goes_on(path: Path, start: Start, how: str) -> None:
    """Fails without: log/lifetime/erase_owners.py, `record` in the transaction of `erase`; and so on."""
    heard = [""]
    life = 0
    partly = 0
    while "done" not in heard:
        program = start(_REMOVES, path, life, life * 3, how)
        heard = list(iter(program.hear, ""))
        program.kill()
        partly += asyncio.run(_check(path, life, how, done="done" in heard))
        life += 1
    assert life > 8
    # Some were killed in the middle, between two transactions. The sessions of an owner go in one, as they are few.
    assert bool(partly) == (how != "owner")


async def _check(path: Path, life: int, how: str, *, done: bool) -> bool:
    """See that what is gone has its audit row, and that nothing is gone in part; then go on. Tell whether some was."""
    async with open_store(f"sqlite:///{path}") as store:
        removed = 0
        for number in range(_SESSIONS):
            session_id = f"{life} {number}"
            rows = await store.audits(session_id=session_id)
            turns = [turn.number for turn in await store.session(session_id).turns()]
            counted = sum(row.counts["entries"] for row in rows)
            assert len(turns) == _TURNS - counted
            if how == "turns":
                assert turns == list(range(_TURNS - len(turns) + 1, _TURNS + 1))
                assert len(turns) >= 2
            else:
                assert len(turns) in (0, _TURNS)
                usage = await store.session(session_id).usage.total()
                assert usage.input_tokens == (1 if turns else 0)
                assert len(await store.find(f"k{_TURNS - 1}", owner=("ann", str(life)), limit=99)) == await _there(
                    store, life
                )
            removed += counted
        most = _SESSIONS * (_TURNS if how != "turns" else _TURNS - 2)
        assert removed == most or not done
        await _go_on(store, how)
        assert await _there(store, life) == (_SESSIONS if how == "turns" else 0)
        for number in range(_SESSIONS):
            session_id = f"{life} {number}"
            counts = [row.counts["entries"] for row in await store.audits(session_id=session_id)]
            assert sum(counts) == (_TURNS if how != "turns" else _TURNS - 2)
            await store.delete(session_id)
        return 0 < removed < most


async def _there(store: Store, life: int) -> int:
    return await store.count(owner=("ann", str(life)))


async def _go_on(store: Store, how: str) -> None:
    if how == "owner":
        await store.erase_owner("ann", below=True, scrub=False)
    elif how == "sessions":
        await store.retain(RetentionPolicy(older_than=0.000_001), scrub=False)
    else:
        await store.retain(RetentionPolicy(keep_turns=2), scrub=False)

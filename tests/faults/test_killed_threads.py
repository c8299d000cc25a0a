"""A process is killed before any statement of a change of threads: all of it is there, or nothing."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from sessions import open_store
from sessions.errors import ThreadExistsError
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.changes import CHANGES, begin, whole_state

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from .conftest import Start

_ENDS_BEFORE_A_STATEMENT = """
    from sessions import open_store
    from sessions.store.threads import ThreadStore
    from sessions.testing.checkpoints.shared import PLACE
    from sessions.testing.checkpoints.changes import CHANGES

    async def change(path, operation):
        async with open_store(f"sqlite:///{path}") as store:
            threads = ThreadStore(store._backend)
            await threads.read(PLACE)
            await threads.read(PLACE, "2")
            die_before(int(path.rpartition("-")[2]))
            await CHANGES[operation](threads)

    # Each life is a fork of this process, which imports everything once.
    while path := heard():
        life = os.fork()
        if not life:
            asyncio.run(change(path, sys.argv[1]))
            os._exit(0)
        say(os.waitpid(life, 0)[1])
"""


async def _in(path: Path, use: Callable[[ThreadStore], Awaitable[Any]]) -> Any:
    async with open_store(f"sqlite:///{path}") as store:
        return await use(ThreadStore(store._backend))


@pytest.mark.parametrize("operation", CHANGES)
def test_kill_9_leaves_a_change_whole_or_undone(path: Path, start: Start, operation: str) -> None:
    """The same change then succeeds, or finds itself done.

    Fails without: db/sqlite/group_commit.py, `begin immediate` and `commit` in `_write_alone` (each statement commits
    itself).
    """
    asyncio.run(_in(path, begin))
    before = asyncio.run(_in(path, whole_state))
    program = start(_ENDS_BEFORE_A_STATEMENT, operation)
    lives, status = 0, "9"
    states = []
    while status == "9":
        life = path.with_name(f"life-{lives}")
        shutil.copy(path, life)
        program.say(str(life))
        status = program.hear()
        states.append(asyncio.run(_in(life, whole_state)))
        lives += 1
    program.say()
    program.finish()
    assert status == "0", program.errors()
    assert lives > 1
    after = states[-1]
    # The last lives are killed in the upkeep that comes after the change.
    done = states.index(after)
    assert done > 0
    assert states == [before] * done + [after] * (lives - done)
    for number in (0, lives - 1):
        asyncio.run(_in(path.with_name(f"life-{number}"), _done(operation)))
        assert asyncio.run(_in(path.with_name(f"life-{number}"), whole_state)) == after


def _done(operation: str) -> Callable[[ThreadStore], Awaitable[None]]:
    async def do(threads: ThreadStore) -> None:
        try:
            await CHANGES[operation](threads)
        except ThreadExistsError:
            assert operation == "copy"

    return do

"""Several processes on one encrypted session: they make it, write to it and rotate its keys, and one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from sessions import EncryptedSession, KeyRing, generate_key, open_store
from sessions.testing.tree_model import item
from tests.sql.processes import run_together, running_together

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

_WRITERS, _EACH, _MANY = 3, 15, 3000


def _encrypted(url: str, ring: Any) -> EncryptedSession:
    return EncryptedSession("s", open_store(url, create_tables=True).session("s"), ring, None)


def _write(number: int, barrier: Barrier, url: str, keys: dict[str, str]) -> None:
    """Make the session together with the others, write, and rotate its keys in between."""

    async def write() -> None:
        session = _encrypted(url, KeyRing(keys))
        for count in range(_EACH):
            await session.add_items([item(f"u{number}.{count}"), item(f"a{number}.{count}")])
            assert (await session.get_items(1))[0]["content"]
            if count == 5 * (number + 1) - 3:
                await session.rotate(reencrypt=True)

    barrier.wait()
    asyncio.run(write())


@pytest.fixture
def tables(url: str) -> str:
    """A database whose tables are there."""
    asyncio.run(_read(url, KeyRing({"k": generate_key()})))
    return url


async def _read(url: str, ring: KeyRing) -> list[str]:
    return [found["content"] for found in await _encrypted(url, ring).get_items()]


def test_they_make_it_write_and_rotate(tables: str) -> None:
    keys = {"k": generate_key()}
    run_together(_WRITERS, _write, tables, keys)
    texts = asyncio.run(_read(tables, KeyRing(keys)))
    assert len(texts) == 2 * _WRITERS * _EACH
    for number in range(_WRITERS):
        mine = [text for text in texts if text[1:].startswith(f"{number}.")]
        assert mine == [f"{who}{number}.{count}" for count in range(_EACH) for who in "ua"]


def _rotate(_: int, barrier: Barrier, url: str, keys: dict[str, str]) -> None:
    """Begin to encrypt everything again, and be killed after some batches."""

    def die(done: Any) -> None:
        if done.reencrypted >= _MANY // 3:
            os.kill(os.getpid(), signal.SIGKILL)

    barrier.wait()
    asyncio.run(_encrypted(url, KeyRing(keys, current="new")).rotate(reencrypt=True, progress=die))


def test_a_killed_rotation_leaves_everything_readable(tables: str) -> None:
    keys = {"old": generate_key(), "new": generate_key()}
    texts = [f"u{number}" for number in range(_MANY)]

    async def fill() -> None:
        await _encrypted(tables, KeyRing({"old": keys["old"]})).add_items([item(text) for text in texts])

    asyncio.run(fill())
    with running_together(1, _rotate, tables, keys) as (process,):
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
    both = KeyRing(keys, current="new")
    assert asyncio.run(_read(tables, both)) == texts
    asyncio.run(_encrypted(tables, both).rotate(reencrypt=True))
    assert asyncio.run(_read(tables, KeyRing({"new": keys["new"]}))) == texts

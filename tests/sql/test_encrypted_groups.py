"""Appends to one encrypted session that wait together but cannot go together: none is encrypted for a wrong place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import ConflictError, EncryptedSession, generate_key, open_store
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions import LogSession

_KEY = generate_key()


@pytest.fixture
async def session(url: str) -> LogSession:
    made = open_store(url, create_tables=True, encryption_key=_KEY).session("s")
    await made.add_items([item("u0")])
    return made


async def _contents(session: LogSession) -> list[Any]:
    # With a key of its own nothing is remembered of where branches end.
    fresh = open_store(session._handle.backend.engine(), encryption_key=_KEY).session("s")  # type: ignore[attr-defined]
    return [found["content"] for found in await fresh.get_items()]


async def test_with_and_without_a_lease(session: LogSession) -> None:
    """Fails without: log/fast/postgres_encrypted.py, `append.conversation.lease` in `way`."""
    # A lease stays on its branch, by its name.
    named = session.on_branch("main")
    async with session.lease(holder="h", exclusive=False) as leased:
        for round_ in range(3):
            texts = [f"u{round_}{number}" for number in range(6)]
            await asyncio.gather(
                *((leased if number % 2 else named).add_items([item(text)]) for number, text in enumerate(texts))
            )
            assert sorted((await _contents(session))[-6:]) == texts


async def test_on_the_current_branch_and_on_one_by_its_name(session: LogSession) -> None:
    """Fails without: log/fast/postgres_encrypted.py, `append.branch` in `way`."""
    named = session.on_branch("main")
    texts = [f"u{number}" for number in range(9)]
    fresh = open_store(session._handle.backend.engine(), encryption_key=_KEY).session("s")  # type: ignore[attr-defined]
    await asyncio.gather(
        *((fresh, named, session)[number % 3].add_items([item(text)]) for number, text in enumerate(texts))
    )
    assert sorted((await _contents(session))[1:]) == texts


async def test_behind_one_that_expects_a_version(session: LogSession) -> None:
    assert isinstance(session, EncryptedSession)
    version = await session.version()
    done = await asyncio.gather(
        session.add_items([item("u1")]),
        session.add_items([item("u2")], expected_version=version),
        session.add_items([item("u3")]),
        return_exceptions=True,
    )
    contents = await _contents(session)
    if contents[1] == "u2":  # A busy server may have done it first.
        assert not any(done)
        assert sorted(contents) == ["u0", "u1", "u2", "u3"]
    else:
        assert [type(result) for result in done] == [type(None), ConflictError, type(None)]
        assert sorted(contents) == ["u0", "u1", "u3"]

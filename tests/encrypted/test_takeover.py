"""Databases of the OpenAI Agents SDK, opened with a key: what it encrypted, and what is in the clear."""

from __future__ import annotations

import asyncio
import base64
import math
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from agents.extensions.memory.encrypt_session import EncryptedSession as SDKEncryptedSession
from cryptography.fernet import Fernet

from sessions import AdvancedSQLiteSession, DecryptionError, EncryptedSession, KeyRing, SQLiteSession, generate_key
from sessions.testing.encrypted.fixtures import raised
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.encrypted.rows import Rows
from tests.takeover.sdk import ITEMS, KINDS, alike, execute, foreign_content, sdk_session, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# The SDK's keys are no keys of `generate_key`: as text they are taken for passphrases.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sessions.errors.WeakKeyWarning"),
    pytest.mark.usefixtures("quick_passphrases"),
]

FERNET = Fernet.generate_key().decode()
# It cannot encrypt half an emoji.
ENCRYPTED: list[Any] = [*ITEMS[:5], {"role": "user", "content": "again", "weights": [math.inf, 2**70]}]
LONG = "a raw string that is not random at all"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sdk.db"


@asynccontextmanager
async def encrypted(kind: str, path: Path, key: str = FERNET) -> AsyncIterator[Any]:
    """The SDK's `EncryptedSession` over one of its sessions on a file."""
    async with sdk_session(kind, path) as session:
        yield SDKEncryptedSession("u", session, key, ttl=10**6)


def ours(path: Path, key: Any = FERNET, **options: Any) -> EncryptedSession:
    return EncryptedSession("u", SQLiteSession("u", path), key, **{"ttl": None, **options})


@pytest.mark.parametrize("kind", KINDS)
async def test_what_it_encrypted_is_encrypted_again(path: Path, kind: str) -> None:
    async with encrypted(kind, path) as theirs:
        await theirs.add_items(ENCRYPTED[:3])
        await theirs.add_items(ENCRYPTED[3:])
        expected = await theirs.get_items()
    before = foreign_content(path)
    session = ours(path)
    assert alike(await session.get_items()) == alike(expected)
    assert foreign_content(path) == before
    rows = await Rows(SQLiteSession("u", path)).entries("u")
    assert {row.payload[:1] for row in rows} == {b"\5"}
    assert [row.kind for row in rows] == ["user", "reasoning", "tool_call", "tool_output", "assistant", "user"]
    assert [turn.number for turn in await session.turns()] == [1, 2]
    assert [use.tool for use in await session.usage.tools()] == ["météo"]
    # It goes on without the SDK's tables.
    execute(path, "delete from agent_messages")
    assert alike(await ours(path).get_items()) == alike(expected)
    assert alike([await session.pop_item()]) == alike(expected[-1:])


@pytest.mark.parametrize("first", ["get_items", "pop_item", "add_items", "turns", "undo", "rotate", "list", "create"])
@pytest.mark.parametrize("kind", ["SQLiteSession", "AdvancedSQLiteSession"])
async def test_a_wrong_key_takes_nothing_over(path: Path, kind: str, first: str) -> None:
    async with encrypted(kind, path) as theirs:
        await theirs.add_items(ENCRYPTED)
    # The tables are there.
    await SQLiteSession("somebody else", path).get_items()
    before, rows = foreign_content(path), Rows(SQLiteSession("u", path))
    everything = await rows.all()
    for key in (generate_key(), KeptKeys()):
        for mixed in (False, True):
            session = ours(path, key, allow_plain_text=mixed)
            operation: Any = {
                "add_items": partial(session.add_items, [{"role": "user", "content": "new"}]),
                "list": session.branches.list,
                "create": partial(session.branches.create, "b"),
            }.get(first) or getattr(session, first)
            caught = await raised(DecryptionError, operation(), f"{first}, mixed content: {mixed}")
            assert "'u'" in str(caught)
            assert foreign_content(path) == before
            assert await rows.all() == everything
    async with encrypted(kind, path) as theirs:
        assert len(await theirs.get_items()) == len(ENCRYPTED)


async def test_times_are_when_it_was_encrypted(path: Path) -> None:
    async with encrypted("SQLiteSession", path) as theirs:
        await theirs.add_items([{"role": "user", "content": "old"}])
        await theirs.add_items([{"role": "user", "content": "new"}])
    times = [1_700_000_000, 1_700_000_400]
    for number, time in enumerate(times, 1):
        # As if it had been written then: a token holds its time.
        token = theirs.cipher.encrypt_at_time(f'{{"role":"user","content":"{number}"}}'.encode(), time)
        envelope = f'{{"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "{token.decode()}"}}'
        execute(path, "update agent_messages set message_data = ? where id = ?", envelope, number)
    session = ours(path)
    assert [found["content"] for found in await session.get_items()] == ["1", "2"]
    rows = await Rows(SQLiteSession("u", path)).entries("u")
    assert [row.created_at for row in rows] == [time * 1_000_000 for time in times]
    age = datetime.now(UTC).timestamp() - times[1]
    assert [found["content"] for found in await ours(path, ttl=age + 200).get_items()] == ["2"]


async def test_a_raw_string_as_the_sdk_takes_it(path: Path) -> None:
    async with encrypted("SQLiteSession", path, LONG) as theirs:
        await theirs.add_items([{"role": "user", "content": "u1"}])
    with pytest.warns(UserWarning, match="passphrase"):
        ring = KeyRing({"sdk": LONG, "new": generate_key()})
    session = ours(path, ring)
    assert [found["content"] for found in await session.get_items()] == ["u1"]
    # The new key encrypted it: the old one can go.
    assert b"sdk" not in (await Rows(SQLiteSession("u", path)).wrapped_keys("u") or b"")


@pytest.mark.parametrize("key", [LONG, f"{LONG}\n", FERNET, f"{FERNET}\n"], ids=["raw", "raw line", "Fernet", "line"])
async def test_a_key_with_a_final_newline_as_the_sdk_takes_it(path: Path, key: str) -> None:
    async with encrypted("SQLiteSession", path, key) as theirs:
        await theirs.add_items([{"role": "user", "content": "u1"}])
    session = ours(path, key)
    assert [found["content"] for found in await session.get_items()] == ["u1"]


@pytest.mark.filterwarnings("error::sessions.errors.WeakKeyWarning")
async def test_the_bytes_of_the_sdks_key_are_a_random_key(path: Path) -> None:
    async with encrypted("SQLiteSession", path) as theirs:
        await theirs.add_items([{"role": "user", "content": "u1"}])
    session = ours(path, base64.urlsafe_b64decode(FERNET))
    assert [found["content"] for found in await session.get_items()] == ["u1"]


@pytest.mark.parametrize("given", ["bytes", "bytearray", "text", "line", "text in bytes", "line in bytes"])
async def test_a_key_ring_with_the_sdks_key(path: Path, given: str) -> None:
    async with encrypted("SQLiteSession", path) as theirs:
        await theirs.add_items([{"role": "user", "content": "u1"}])
    raw = base64.urlsafe_b64decode(FERNET)
    key: Any = {"bytes": raw, "bytearray": bytearray(raw), "text": FERNET}.get(given)
    key = (
        key or {"line": f"{FERNET}\n", "text in bytes": FERNET.encode(), "line in bytes": f"{FERNET}\n".encode()}[given]
    )
    session = ours(path, KeyRing({"old": key, "new": generate_key()}, current="new"))
    assert [found["content"] for found in await session.get_items()] == ["u1"]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_in_the_clear_needs_leave(path: Path, kind: str) -> None:
    await write(path, ITEMS, kind)
    await SQLiteSession("somebody else", path).get_items()
    before, rows = foreign_content(path), Rows(SQLiteSession("u", path))
    everything = await rows.all()
    for operation in (ours(path).get_items, ours(path).pop_item, ours(path).turns):
        await raised(DecryptionError, operation(), "in the clear")
        assert (foreign_content(path), await rows.all()) == (before, everything)
    assert alike(await ours(path, allow_plain_text=True).get_items()) == alike(ITEMS)
    # It was encrypted when it was taken over.
    assert alike(await ours(path).get_items()) == alike(ITEMS)
    assert {row.payload[:1] for row in await rows.entries("u")} == {b"\5"}


async def test_some_in_the_clear_and_some_not(path: Path) -> None:
    await write(path, [{"role": "user", "content": "clear"}])
    async with encrypted("SQLiteSession", path) as theirs:
        await theirs.add_items([{"role": "user", "content": "encrypted"}])
    await raised(DecryptionError, ours(path).get_items(), "some in the clear")
    found = await ours(path, allow_plain_text=True).get_items()
    assert [one["content"] for one in found] == ["clear", "encrypted"]


async def test_branches_that_the_sdk_made_of_encrypted_items(path: Path) -> None:
    """For the SDK these have no turns, as its items are all of kind "other"; ours has them."""
    async with sdk_session("AdvancedSQLiteSession", path) as advanced:
        theirs = SDKEncryptedSession("u", advanced, FERNET, ttl=10**6)
        await theirs.add_items(ENCRYPTED)
    session = EncryptedSession("u", AdvancedSQLiteSession(session_id="u", db_path=path), FERNET, None)
    assert alike(await session.get_items()) == alike(ENCRYPTED)
    assert [branch.name for branch in await session.branches.list()] == ["main"]
    name = await session.create_branch_from_turn(2)  # type: ignore[attr-defined]
    assert alike(await session.on_branch(name).get_items()) == alike(ENCRYPTED[:5])


async def test_each_altered_token_is_refused(path: Path) -> None:
    async with encrypted("SQLiteSession", path) as theirs:
        await theirs.add_items([{"role": "user", "content": "u1"}])
    ((stored,),) = execute(path, "select message_data from agent_messages")
    await SQLiteSession("somebody else", path).get_items()
    rows = Rows(SQLiteSession("u", path))
    everything = await rows.all()
    start = stored.index("gAAAA")
    for index in range(start, len(stored) - 3, 3):
        altered = f"{stored[:index]}{'A' if stored[index] != 'A' else 'B'}{stored[index + 1 :]}"
        execute(path, "update agent_messages set message_data = ?", altered)
        await raised(DecryptionError, ours(path).get_items(), f"letter {index}")
    assert await rows.all() == everything


async def test_several_take_it_over_at_once(path: Path) -> None:
    async with encrypted("SQLiteSession", path) as theirs:
        await theirs.add_items(ENCRYPTED)
    found = await asyncio.gather(*(ours(path).get_items() for _ in range(5)))
    assert {alike(items) for items in found} == {alike(ENCRYPTED)}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select count(*) from agent_log_sessions").fetchone() == (1,)

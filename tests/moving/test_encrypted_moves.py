"""Forks and copies of encrypted sessions: keys of their own, nothing in the clear, and nothing without the key."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sessions import (
    DecryptionError,
    EncryptedSession,
    InvalidItemError,
    ItemKeyConflictError,
    KeyRing,
    MissingKeyError,
    PlusCodec,
    generate_key,
    open_store,
)
from sessions.crypto.wrapped_keys import read_wrapped_keys
from sessions.log.encryption.session_encryption import subject_of
from sessions.testing.copying import ListSession, messages
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.forking import Between, filled, seen, user

from .opening import open_at

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = b"whatnobodyelsesays"


def _keys_of(path: Path) -> dict[str, set[bytes]]:
    """Return the ids of each session's data keys."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("select session_id, wrapped_keys from agent_log_sessions").fetchall()
    return {name: {key.id for key in read_wrapped_keys(subject_of(name), wrapped)} for name, wrapped in rows}


async def test_each_has_a_data_key_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with open_store(f"sqlite:///{path}", encryption_key=generate_key(), hide_tool_names=True) as store:
        session = await filled(store)
        await session.add_items([user(_WORDS.decode())], keys=["secret"])
        await session.set_info(title=_WORDS.decode(), tags=[_WORDS.decode()])
        fork = await store.fork("s", "new")
        assert await seen(fork) == await seen(session)
        assert await fork.info() == await session.info()
        await fork.add_items([user(_WORDS.decode())], keys=["secret"])
        assert await seen(fork) == await seen(session)
        with pytest.raises(ItemKeyConflictError):
            await fork.add_items([user("another")], keys=["secret"])
        first, second = _keys_of(path).values()
        assert len(first) == len(second) == 1
        assert first.isdisjoint(second)
    with closing(sqlite3.connect(path)) as connection:
        digests = connection.execute("select digest from agent_log_item_keys where item_key = 'secret'").fetchall()
    assert len(set(digests)) == 2
    assert not any(_WORDS in file.read_bytes() for file in tmp_path.iterdir())


async def test_moving_takes_the_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_store(url, encryption_key=generate_key()) as store:
        await store.session("s").add_items(messages(3))
    cases: list[tuple[dict[str, Any], type[Exception]]] = [
        ({}, MissingKeyError),
        ({"encryption_key": generate_key()}, DecryptionError),
    ]
    for options, error in cases:
        async with open_store(url, **options) as store, open_store("sqlite://") as other:
            with pytest.raises(error, match="Nothing was changed"):
                await store.fork("s", "new")
            with pytest.raises(error, match="Nothing was changed"):
                await store.copy("s", other.session("new"), plain=True)
            assert await other.count() == 0
            assert await store.count() == 1


async def test_a_fork_of_a_session_with_a_key_of_its_own_has_that_key(tmp_path: Path) -> None:
    """Fails without: session/handle.py, `of_session` (with a session of the store, it would be in the clear)."""
    key = generate_key()
    async with open_store(f"sqlite:///{tmp_path}/chat.db") as store:
        session = EncryptedSession("s", store.session("s"), key, ttl=None)
        await session.add_items([user(_WORDS.decode())])
        fork = await store.fork(session, "new")
        with pytest.raises(MissingKeyError):
            await fork.get_items()
        assert await EncryptedSession("new", store.session("new"), key, ttl=None).get_items() == [user(_WORDS.decode())]
    assert not any(_WORDS in file.read_bytes() for file in tmp_path.iterdir())


async def test_plain_text_is_encrypted_on_the_way(tmp_path: Path) -> None:
    url, key = f"sqlite:///{tmp_path}/chat.db", generate_key()
    async with open_store(url) as store:
        session = await filled(store)
        before = await seen(session)
    async with open_store(url, encryption_key=key) as store:
        with pytest.raises(DecryptionError):
            await store.fork("s", "new")
    async with open_store(url, encryption_key=key, allow_plain_text=True) as store:
        assert await seen(await store.fork("s", "new")) == before
    async with open_store(url, encryption_key=key) as store:
        assert await seen(store.session("new")) == before


async def test_a_rotation_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing({"old": generate_key(), "new": generate_key()}, current="old")
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_store(url, encryption_key=ring) as store:
        session = await filled(store)
        before = await seen(session)

        async def rotate(page: int) -> None:
            if page == 1:
                await store.rotate(reencrypt=True, before=datetime.now(UTC) + timedelta(days=1))

        Between(monkeypatch, rotate)
        fork = await store.fork("s", "new")
        assert await seen(fork) == await seen(session) == before


@pytest.mark.parametrize("kind", ["redact", "remove"])
async def test_a_correction_in_the_middle_begins_the_fork_again(
    anywhere: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Fails without: log/corrections/begin.py, `remove_copies`, or log/moving/source.py, `_ALTERING.isdisjoint(…)`."""
    async with open_at(anywhere) as store:
        session = store.session("s")
        await session.add_items(messages(6))
        receipts = []

        async def correct(page: int) -> None:
            if page == 2:
                receipts.append(await getattr(session, kind)(2))

        between = Between(monkeypatch, correct)
        fork = await store.fork("s", "new")
        assert between.pages == 5
        assert await fork.get_items() == await session.get_items() != messages(6)
        assert receipts[0].forks == ()
        monkeypatch.undo()
        await store.fork("new", "newer")
        for correcting in (session.redact(1), session.remove(6)):
            assert (await correcting).forks == ("new", "newer")
        await store.delete("new")
        assert (await session.redact(3)).forks == ("newer",)


async def test_items_of_another_codec_are_written_anew(tmp_path: Path) -> None:
    """Fails without: store/transfer.py, `recoder`."""
    items: list[dict[str, Any]] = [
        {"n": Decimal("1.10"), "at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"role": "user", "content": "x"},
    ]
    plus = open_store(f"sqlite:///{tmp_path}/plus.db", codec=PlusCodec())
    async with plus, open_store(f"sqlite:///{tmp_path}/json.db") as plain:
        await plus.session("s").add_items(items, keys=["a", "b"])
        with pytest.raises(InvalidItemError, match=r"session 's': the item at position 1.*No session was made"):
            await plus.copy("s", plain.session("s"))
        assert await plain.count() == 0
        await plain.session("t").add_items([{"$decimal": "1"}, {"role": "user", "content": "x"}], keys=["a", "b"])
        await plus.copy(plain.session("t"), "t")
        assert await plus.session("t").get_items() == await plain.session("t").get_items()
        await plus.session("t").add_items([{"$decimal": "1"}], keys=["a"])
        assert len(await plus.session("t").get_items()) == 2
        fork = await plus.fork("s", "fork")
        assert await fork.get_items() == items


async def test_keys_of_a_provider_are_waited_for(tmp_path: Path) -> None:
    """Fails without: store/transfer.py, `plan.target.write` (the backend's own would not fetch keys)."""
    provider = KeptKeys()
    async with (
        open_store(f"sqlite:///{tmp_path}/chat.db", encryption_key=provider) as store,
        open_store(f"sqlite:///{tmp_path}/other.db", encryption_key=provider) as other,
    ):
        session = await filled(store)
        before = await seen(session)
        assert await seen(await store.fork("s", "new")) == before
        await store.copy("s", other.session("copy"))
        assert await seen(other.session("copy")) == before
        await store.copy(ListSession(messages(3)), "list")
        assert await store.session("list").get_items() == messages(3)

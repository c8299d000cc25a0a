"""A store whose sessions are all encrypted: rotating its keys, and destroying those of a session."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sessions import (
    DecryptionError,
    EncryptedSession,
    KeyRing,
    MissingKeyError,
    Rotation,
    RotationIncompleteError,
    Store,
    generate_key,
    open_store,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.crypto.subject import Subject

OLD, NEW = generate_key(), generate_key()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/s.db"


async def fill(store: Store, count: int) -> None:
    for number in range(count):
        await store.session(f"s{number}").add_items([user(str(number)), user("again")])


async def test_all_its_sessions_are_encrypted(url: str) -> None:
    async with open_store(url, encryption_key=OLD) as store, open_store(url) as plain:
        session = store.session("s")
        assert isinstance(session, EncryptedSession)
        await session.add_items([user("1")])
        assert await store.session("s").get_items() == [user("1")]
        with pytest.raises(MissingKeyError):
            await plain.session("s").get_items()
        (listed,) = await plain.sessions()
        assert (listed.session_id, listed.item_count) == ("s", 1)


async def test_the_stores_ttl_counts_and_not_that_of_a_single_encrypted_session(url: str) -> None:
    async with open_store(url, encryption_key=OLD) as store, open_store(url, encryption_key=OLD, ttl=50) as short:
        assert store.session("s")._handle.conversation.ttl is None
        assert short.session("s")._handle.conversation.ttl == 50_000_000
        assert short.session("s", ttl=5)._handle.conversation.ttl == 5_000_000


async def test_rewraps_every_session_and_goes_on_after_an_interruption(url: str) -> None:
    async with open_store(url, encryption_key=KeyRing({"old": OLD})) as store:
        await fill(store, 120)
    seen: list[Rotation] = []

    class StopError(Exception):
        pass

    def stop(done: Rotation) -> None:
        seen.append(done)
        if done.rewrapped == 70:
            raise StopError

    both = KeyRing({"old": OLD, "new": NEW})
    async with open_store(url, encryption_key=both) as store:
        with pytest.raises(StopError):
            await store.rotate(progress=stop)
        assert [done.rewrapped for done in seen] == sorted(done.rewrapped for done in seen)
        assert await store.rotate() == Rotation(sessions=120, rewrapped=50)
        assert await store.rotate() == Rotation(sessions=120)
    async with open_store(url, encryption_key=KeyRing({"new": NEW})) as store:
        for number in range(120):
            assert await store.session(f"s{number}").get_items() == [user(str(number)), user("again")]
    async with open_store(url, encryption_key=KeyRing({"old": OLD})) as store:
        with pytest.raises(DecryptionError):
            await store.session("s0").get_items()


async def test_reencrypts_what_is_older_than_a_time_once(url: str) -> None:
    async with open_store(url, encryption_key=OLD) as store:
        await fill(store, 3)
        began = datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) + 1, UTC)
        assert await store.rotate(reencrypt=True) == Rotation(sessions=3, rewrapped=3, reencrypted=6)
        assert await store.rotate(reencrypt=True, before=datetime(2020, 1, 1, tzinfo=UTC)) == Rotation(sessions=3)
        assert (await store.rotate(reencrypt=True, before=began)).sessions == 3
        for number in range(3):
            assert await store.session(f"s{number}").get_items() == [user(str(number)), user("again")]


async def test_encrypts_what_was_in_the_clear(url: str) -> None:
    async with open_store(url) as store:
        await fill(store, 3)
    async with open_store(url, encryption_key=OLD) as store:
        assert await store.rotate(reencrypt=True) == Rotation(plain=3)
        with pytest.raises(DecryptionError):
            await store.session("s1").get_items()
    async with open_store(url, encryption_key=OLD, allow_plain_text=True) as store:
        assert await store.rotate(reencrypt=True) == Rotation(sessions=3, rewrapped=3, reencrypted=6)
    async with open_store(url, encryption_key=OLD) as store:
        assert await store.session("s1").get_items() == [user("1"), user("again")]


async def test_a_session_of_another_key_is_named_and_left(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_store(url, encryption_key=KeyRing({"other": generate_key()})) as store:
        await store.session("foreign").add_items([user("1")])
    async with open_store(url, encryption_key=KeyRing({"old": OLD, "new": NEW})) as store:
        await fill(store, 2)
        with caplog.at_level(logging.WARNING, "sessions"), pytest.raises(RotationIncompleteError) as caught:
            await store.rotate()
        assert caught.value.rotation == Rotation(sessions=3, failed=("foreign",))
        assert "1 of 3 sessions" in str(caught.value)
        assert "'foreign'" in str(caught.value)
        assert "'foreign'" in caplog.text


async def test_a_rotation_that_leaves_many_sessions_names_some_and_has_all(url: str) -> None:
    async with open_store(url, encryption_key=KeyRing({"old": OLD})) as store:
        await fill(store, 10)
    async with open_store(url, encryption_key=KeyRing({"new": NEW})) as store:
        await store.session("ours").add_items([user("1")])
        with pytest.raises(RotationIncompleteError, match="10 of 11 sessions") as caught:
            await store.rotate(reencrypt=True)
        assert len(str(caught.value)) < 500
        assert sorted(caught.value.rotation.failed) == [f"s{number}" for number in range(10)]
        assert caught.value.rotation.reencrypted == 1


@pytest.mark.parametrize("single", [OLD, "a passphrase"], ids=["key", "passphrase"])
@pytest.mark.filterwarnings("ignore::sessions.errors.WeakKeyWarning")
async def test_rotation_from_a_single_key_as_documented(url: str, single: str) -> None:
    async with open_store(url, encryption_key=single) as store:
        await store.session("s").add_items([user("1")])
    async with open_store(url, encryption_key=KeyRing({"2025": single, "2026": NEW}, current="2026")) as store:
        assert await store.session("s").get_items() == [user("1")]
        assert await store.rotate() == Rotation(sessions=1, rewrapped=1)
    async with open_store(url, encryption_key=NEW) as store:
        assert await store.session("s").get_items() == [user("1")]


async def test_a_store_without_a_key_rotates_nothing(url: str) -> None:
    async with open_store(url) as store:
        with pytest.raises(ValueError, match="encryption_key"):
            await store.rotate()


class Drawer:
    """A provider that keeps wrapped keys itself; the database has their numbers only."""

    current = "drawer"

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    async def wrap(self, secret: bytes, *, key_id: str, subject: Subject) -> bytes:
        number = f"{key_id}/{subject.name}/{len(self.kept)}".encode()
        self.kept[number] = secret
        return number

    async def unwrap(self, wrapped: bytes, *, key_id: str, subject: Subject) -> bytes:
        assert wrapped.startswith(f"{key_id}/{subject.name}/".encode())
        return self.kept[wrapped]

    async def destroy(self, *, subject: Subject) -> None:
        for number in [number for number in self.kept if number.split(b"/")[1] == subject.name.encode()]:
            del self.kept[number]


async def test_erasing_destroys_what_a_provider_keeps(url: str, tmp_path: Path) -> None:
    drawer = Drawer()
    async with open_store(url, encryption_key=drawer) as store:
        await store.session("gone").add_items([user("1")])
        await store.session("stays").add_items([user("2")])
    backup = tmp_path / "backup.db"
    backup.write_bytes((tmp_path / "s.db").read_bytes())
    async with open_store(url, encryption_key=drawer) as store:
        # What the backup needs is not what the database needs by then.
        await store.rotate(reencrypt=True)
        receipt = await store.erase("gone")
        assert receipt.existed
        assert await store.session("stays").get_items() == [user("2")]
    assert {number.split(b"/")[1] for number in drawer.kept} == {b"stays"}
    # Another process: it remembers no keys.
    elsewhere = Drawer()
    elsewhere.kept = drawer.kept
    async with open_store(f"sqlite:///{backup}", encryption_key=elsewhere) as store:
        assert await store.session("stays").get_items() == [user("2")]
        with pytest.raises(DecryptionError, match="'gone'"):
            await store.session("gone").get_items()


async def test_a_session_whose_wrapped_keys_were_removed_gets_no_other(url: str, tmp_path: Path) -> None:
    """Its entries would look as if they were to be encrypted again.

    Fails without: log/core/locking.py, `ENCRYPTED_ENTRY` in `check_encryptable`.
    """
    async with open_store(url, encryption_key=OLD) as store:
        await store.session("s").add_items([user("1")])
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute("update agent_log_sessions set wrapped_keys = null")
    async with open_store(url, encryption_key=OLD, allow_plain_text=True) as store:
        session = store.session("s")
        assert isinstance(session, EncryptedSession)
        for change in (session.add_items([user("2")]), session.rotate(reencrypt=True)):
            with pytest.raises(DecryptionError, match="keys were removed"):
                await change

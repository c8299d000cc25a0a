"""Item keys in the database: how long they are kept, who finds them, and what they say of encrypted items."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import (
    EncryptedSession,
    ItemKeyConflictError,
    KeyRing,
    MissingKeyError,
    SessionsError,
    SQLiteSession,
    UnknownEntryError,
    generate_key,
    open_store,
)
from sessions.log.core.item_keys import RAW, forget_ended_item_keys
from sessions.validation import DEFAULT
from tests.foreign import Foreign

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import LogSession, Store

DAY = 86_400


async def _ask(url: str, query: str, **values: object) -> list[Any]:
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
    async with engine.begin() as connection:
        found = await connection.execute(text(query), values)
        rows = [tuple(row) for row in found] if found.returns_rows else []
    await engine.dispose()
    return rows


async def _age(url: str, seconds: float) -> None:
    """Have all keys be older, by the database's time."""
    age = int(seconds * 1_000_000)
    await _ask(url, "update agent_log_item_keys set until = until - :age, due = due - :age", age=age)


def _user(words: object) -> dict[str, str]:
    return {"role": "user", "content": str(words)}


async def _add(session: LogSession, *keys: str, **options: Any) -> None:
    await session.add_items([_user(key) for key in keys], keys=list(keys), **options)


async def _shown(session: LogSession) -> str:
    return " ".join([item["content"] for item in await session.get_items()])


async def _keep_up(store: Store) -> bool:
    return await store._backend.write(lambda tx: forget_ended_item_keys(tx, 100), "the store")


async def test_a_key_ends_after_thirty_days_if_its_item_is_gone(anywhere: str) -> None:
    """Fails without: log/statements/item_keys.py, `k.until > {clock} or`."""
    async with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        await _add(session, "a", "b")
        await session.pop_item()
        await _age(anywhere, 30 * DAY - 600)
        await _add(session, "a", "b")
        assert await _shown(session) == "a"
        await _age(anywhere, 601)
        # The item of the one is there, that of the other is not.
        for key in "ab":
            await session.add_items([_user(key), _user("-")], keys=[key, None])
        assert await _shown(session) == "a - b -"
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([_user("other")], keys=["a"])


async def test_ended_keys_leave_the_database(anywhere: str) -> None:
    """Fails without: log/core/item_keys.py, `tx.many(statements.FORGET_KEY, gone)`, `tx.many(statements.LOOK_LATER`."""
    async with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        await _add(session, "a", "b", "c")
        await session.pop_item()
        await _add(store.session("deleted"), "a")
        assert await store.delete("deleted")
        assert not await _keep_up(store)
        assert await _ask(anywhere, "select count(*) from agent_log_item_keys") == [(3,)]
        await _age(anywhere, 30 * DAY + 1)
        assert not await _keep_up(store)
        left = await _ask(anywhere, "select due - until from agent_log_item_keys order by entry")
        assert len(left) == 2
        # Each is looked at later and later.
        assert all(30 * DAY <= wait / 1_000_000 <= 31 * DAY for (wait,) in left)
        await _age(anywhere, 32 * DAY)
        assert not await _keep_up(store)
        left = await _ask(anywhere, "select due - until from agent_log_item_keys")
        assert all(94 * DAY <= wait / 1_000_000 <= 95 * DAY for (wait,) in left)
        await _add(session, "a", "b")
        assert await _shown(session) == "a b"


async def test_a_session_with_known_keys_is_not_deleted_as_empty(anywhere: str) -> None:
    """Fails without: log/statements/sessions.py, `select 1 from {item_keys} k`."""
    async with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        await _add(session, "a")
        await session.pop_item()
        await store.purge_expired(empty_sessions=True)
        await _add(session, "a")
        assert await session.get_items() == []
        await _age(anywhere, 30 * DAY + 1)
        await _ask(anywhere, "delete from agent_log_appends")
        await store.purge_expired(empty_sessions=True)
        assert await _ask(anywhere, "select count(*) from agent_log_item_keys") == [(0,)]
        assert await session.version() == 0


async def test_the_receipt_counts_keys(anywhere: str) -> None:
    """Fails without: log/lifetime/remove.py, `FORGET_KEYS_OF_SESSION`."""
    async with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        await _add(session, "a", "b", "c")
        await session.pop_item()
        await _add(store.session("other"), "a")
        assert (await store.erase("s", scrub=False)).item_keys == 3
        assert (await store.erase("s", scrub=False)).item_keys == 0
        assert await _ask(anywhere, "select count(*) from agent_log_item_keys") == [(1,)]
        await _add(session, "a", "b")
        assert await _shown(session) == "a b"


async def test_a_store_finds_keys(anywhere: str) -> None:
    """Fails without: log/statements/item_keys.py, `and (:any_owner = 1 or s.owner = :owner)`, `order by s.id desc`."""
    async with open_store(anywhere, create_tables=True) as store:
        assert await store.find("a") == []
        for name, owner in (("one", "ann"), ("two", "bob"), ("three", None), ("Straße", "ann")):
            await _add(store.session(name, owner=owner or DEFAULT), "a", name)
        await store.session("none").add_items([_user("a")])
        for session_id, entry in await store.find("a"):
            assert entry == await store.session(session_id).entry(key="a")
        assert [name for name, _ in await store.find("a")] == ["Straße", "three", "two", "one"]
        assert [name for name, _ in await store.find("a", owner="ann")] == ["Straße", "one"]
        assert [name for name, _ in await store.find("a", limit=2)] == ["Straße", "three"]
        assert [name for name, _ in await store.find("Straße")] == ["Straße"]
        await store.session("two").clear_session()
        await store.session("one").undo(2)
        assert [name for name, _ in await store.find("a")] == ["Straße", "three", "one"]
        for wrong, error in (
            ({"key": ""}, ValueError),
            ({"key": 1}, TypeError),
            ({"key": "a", "limit": 0}, ValueError),
        ):
            with pytest.raises(error):
                await store.find(**wrong)


async def test_a_session_that_becomes_another_owners_meanwhile_is_not_found(
    anywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: store/listing.py, `owner=owner` in `find`."""
    async with open_store(anywhere, create_tables=True) as store, open_store(anywhere) as other:
        for name in ("one", "two"):
            await _add(store.session(name, owner="ann"), "a")
        read = store._backend.read

        async def read_first(work: Any, subject: str) -> Any:
            found = await read(work, subject)
            if subject == "the store":  # The sessions were found, and their entries are not yet read.
                await other.delete("one")
                await other.session("one", owner="bob").add_items([_user("bob's")], keys=["a"])
            return found

        monkeypatch.setattr(store._backend, "read", read_first)
        assert [name for name, _ in await store.find("a", owner="ann")] == ["two"]


async def test_expired_items_are_not_found(anywhere: str) -> None:
    """Fails without: log/statements/item_keys.py, `and {live}` of FIND_KEY."""
    async with open_store(anywhere, create_tables=True) as store:
        await _add(store.session("s"), "a", ttl=0.05)
        await _add(store.session("t"), "a")
        await asyncio.sleep(0.1)
        assert [name for name, _ in await store.find("a")] == ["t"]


async def test_an_encrypted_stores_digests_say_nothing(anywhere: str) -> None:
    """Equal items have other digests, and none can be computed without the session's key.

    Fails without: log/core/item_keys.py, `_KEYED + made`, `key.encode() + b"\\0" +`.
    """
    key = generate_key()
    async with open_store(anywhere, create_tables=True, encryption_key=key) as store:
        for name in "st":
            await store.session(name).add_items([_user("secret")] * 3, keys=["a", "b", "c"])
        ((_, entry), _) = await store.find("b")
        assert entry.item == _user("secret")
    digests = {bytes(digest) for (digest,) in await _ask(anywhere, "select digest from agent_log_item_keys")}
    assert len(digests) == 6
    assert {len(digest) for digest in digests} == {RAW + 1}
    async with open_store(anywhere) as store:
        with pytest.raises(MissingKeyError):
            await store.find("b")
        with pytest.raises(MissingKeyError):
            await _add(store.session("s"), "a")


async def test_keys_from_before_encryption(anywhere: str) -> None:
    """Once all is encrypted, so are the digests; keys are known all along, and after a rotation.

    Fails without: log/lifetime/reencrypt.py, `if protect_digests(`.
    """
    keys = [f"key {number}" for number in range(450)]
    async with open_store(anywhere, create_tables=True) as store:
        await _add(store.session("s"), *keys)
    old, new = generate_key(), generate_key()
    for ring in (KeyRing({"old": old}, current="old"), KeyRing({"old": old, "new": new}, current="new")):
        async with open_store(anywhere, encryption_key=ring, allow_plain_text=True) as store:
            session = store.session("s")
            for _ in range(2):
                await _add(session, *keys[:40])
                assert len(await session.get_items()) == len(keys)
                with pytest.raises(ItemKeyConflictError):
                    await session.add_items([_user("other")], keys=["key 7"])
                await store.rotate(reencrypt=True)
                rows = await _ask(anywhere, "select distinct length(digest) from agent_log_item_keys")
                assert rows == [(RAW + 1,)]


async def test_over_another_librarys_session() -> None:
    """Fails without: compat/encrypted_items.py, `does not support item keys`."""
    session = EncryptedSession("s", Foreign(), generate_key())
    with pytest.raises(ValueError, match="'s': the underlying session does not support item keys"):
        await session.add_items([_user("a")], keys=["a"])


async def test_an_entry_that_cannot_be_read(tmp_path: Path) -> None:
    """Fails without: session/sharing.py, `if found.item is UNREADABLE:`."""
    path = tmp_path / "sessions.db"
    session = SQLiteSession("s", path)
    await _add(session, "a", "b", "c")
    a, b, c = await session.entries()
    await _ask(f"sqlite:///{path}", "update agent_log_entries set payload = x'7b' where id % 16 = 2")
    for how in ({"key": "b"}, {"id": b.id}, {"position": 2}):
        with pytest.raises(SessionsError, match="position 2 cannot be read") as caught:
            await session.entry(**how)
        assert not isinstance(caught.value, UnknownEntryError)
    assert await session.entries() == [a, c]
    assert c.parent_id == b.id
    await _add(session, "b")
    assert len(await session.entries()) == 2

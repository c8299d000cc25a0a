"""Info of encrypted sessions: what is in the clear, what is found when rows are altered, and rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import DecryptionError, EncryptedSession, KeyRing, MissingKeyError, generate_key, open_store
from sessions.db.transaction import Statement
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.encrypted.rows import Rows
from tests.foreign import Foreign

if TYPE_CHECKING:
    from sessions import Store

KEYS: Final = {"old": generate_key(), "new": generate_key()}
SECRETS: Final[dict[str, Any]] = {
    "title": "SECRET title",
    "tags": ["SECRET tag"],
    "metadata": {"SECRET name": "SECRET value"},
}
ITEM: Final = {"role": "user", "content": "SECRET item"}
_ALTERED: Final = {
    "another owner": "update {sessions} set owner = 'bob\x01' where session_id = 's'",
    "no owner": "update {sessions} set owner = null where session_id = 's'",
    "archived": "update {sessions} set archived = 1 where session_id = 's'",
    "version": "update {infos} set version = version + 1",
}

_PUT: Final = """
    update {infos} set payload = :payload where session = (select id from {sessions} where session_id = 's')
"""


def store_of(url: str, *keys: str, **options: Any) -> Store:
    if keys:
        options["encryption_key"] = KeyRing({key: KEYS[key] for key in keys}, current=keys[-1])
    return open_store(url, create_tables=True, **options)


async def run(store: Store, statement: str, **values: Any) -> None:
    await store._backend.write(lambda tx: tx.run(Statement("Alter rows.", statement), **values), "test")


async def test_nothing_but_the_owner_is_in_the_clear(url: str) -> None:
    """Fails without: log/info.py, `if locked.key is None else ()`; log/core/details.py, `key.encrypt_info`."""
    async with store_of(url, "old") as store, store_of(url) as plain:
        await store.session("s", owner="ann").set_info(**SECRETS)
        await store.session("s").add_items([ITEM])
        stored = repr(await Rows(plain.session("rows")).all())
        assert "SECRET" not in stored
        assert "ann" in stored
        with pytest.raises(MissingKeyError):
            await plain.session("s").info()
        with pytest.raises(MissingKeyError):
            await plain.session("s").set_info(title="t")
        (listed,) = await plain.sessions(owner="ann")
        assert (listed.session_id, listed.owner, listed.item_count, listed.version) == ("s", "ann", 1, 1)
        assert (listed.title, listed.tags, listed.metadata, listed.unreadable) == (None, (), {}, True)
        assert await plain.sessions(tag="SECRET tag") == []
        (listed,) = await store.sessions()
        assert (listed.title, listed.tags, listed.metadata) == ("SECRET title", ("SECRET tag",), SECRETS["metadata"])
        assert not listed.unreadable
        assert await store.get("s") == listed


async def test_a_wrong_key_reads_nothing(url: str) -> None:
    async with store_of(url, "old") as store, store_of(url, "new") as wrong:
        await store.session("s").set_info(**SECRETS)
        for attempt in (wrong.session("s").info(), wrong.session("s").set_info(title="t")):
            with pytest.raises(DecryptionError, match="'s'") as caught:
                await attempt
            assert "SECRET" not in str(caught.value)
        (listed,) = await wrong.sessions()
        assert (listed.session_id, listed.title, listed.unreadable) == ("s", None, True)
        assert (await store.session("s").info()).version == 1


@pytest.mark.parametrize("what", _ALTERED)
async def test_what_is_altered_beside_the_info_is_found(url: str, what: str) -> None:
    """Fails without: log/core/details.py, any part of `bound`."""
    async with store_of(url, "old") as store:
        session = store.session("s")
        await store.session("s", owner="ann").set_info(**SECRETS)
        await store.session("other").set_info(title="other")
        await run(store, _ALTERED[what])
        with pytest.raises(DecryptionError, match=r"session 's'.*altered or moved\. Nothing was changed"):
            await session.info()
        with pytest.raises(DecryptionError):
            await session.set_info(title="t")
        listed = {one.session_id: (one.title, one.unreadable) for one in await store.sessions()}
        others = (None, True) if what == "version" else ("other", False)
        assert listed == {"s": (None, True), "other": others}


async def test_a_payload_that_is_altered_or_moved_is_found(url: str) -> None:
    async with store_of(url, "old") as store:
        for name in ("s", "t"):
            await store.session(name).set_info(title=name)
        before = (await store._backend.read(lambda tx: tx.all(Statement("", "select payload from {infos}")), "test"))[0]
        for payload in (bytes(before[0])[:-1] + b"\0", b'{"title": "plain", "tags": [], "metadata": {}}', b""):
            await run(store, _PUT, payload=payload)
            with pytest.raises(DecryptionError):
                await store.session("s").info()
        await run(
            store,
            "update {infos} set payload = :payload",
            payload=bytes(before[0]),
        )
        results = []
        for name in ("s", "t"):
            try:
                results.append((await store.session(name).info()).title)
            except DecryptionError:
                results.append(None)
        assert sorted(results, key=str) in ([None, "s"], [None, "t"])


async def test_rotation_covers_the_info(url: str) -> None:
    """Fails without: log/lifetime/reencrypt.py, `_reencrypt_info`."""
    async with store_of(url, "old") as store:
        await store.session("s", owner="ann").set_info(**SECRETS)
        await store.session("s").add_items([ITEM])
        await store.session("without items").set_info(title="SECRET")
    async with store_of(url, "old", "new") as both:
        await both.rotate(reencrypt=True)
    async with store_of(url, "new") as store:
        info = await store.session("s").info()
        assert (info.title, info.tags, info.owner, info.version) == ("SECRET title", ("SECRET tag",), "ann", 1)
        assert (await store.session("without items").info()).title == "SECRET"
        assert await store.session("s").get_items() == [ITEM]
        assert not any(one.unreadable for one in await store.sessions())
    async with store_of(url, "old") as store:
        with pytest.raises(DecryptionError):
            await store.session("s").info()


async def test_info_in_the_clear_is_encrypted_when_its_session_is(url: str) -> None:
    async with (
        store_of(url) as plain,
        store_of(url, "old") as strict,
        store_of(url, "old", allow_plain_text=True) as store,
    ):
        await plain.session("s").set_info(**SECRETS)
        with pytest.raises(DecryptionError, match=r"is not encrypted|has unencrypted entries"):
            await strict.session("s").info()
        with pytest.raises(DecryptionError, match=r"is not encrypted|has unencrypted entries"):
            await strict.session("s").set_info(title="t")
        with pytest.raises(DecryptionError, match=r"is not encrypted|has unencrypted entries"):
            await strict.session("s").add_items([ITEM])
        assert (await store.session("s").info()).title == "SECRET title"
        await store.rotate(reencrypt=True)
        assert "SECRET" not in repr(await Rows(plain.session("rows")).all())
        assert (await strict.session("s").info()).tags == ("SECRET tag",)
        assert await plain.sessions(tag="SECRET tag") == []


async def test_a_list_fetches_the_keys_that_it_needs(url: str) -> None:
    keys = KeptKeys()
    async with open_store(url, create_tables=True, encryption_key=keys) as store:
        for number in range(5):
            await store.session(f"s{number}").set_info(title=f"{number}")
    async with open_store(url, encryption_key=KeptKeys()) as stranger:
        assert {one.unreadable for one in await stranger.sessions()} == {True}
    async with open_store(url, encryption_key=keys) as store:
        assert [one.title for one in await store.sessions(order="created")] == ["4", "3", "2", "1", "0"]
        await store.erase("s1", scrub=False)
        assert len(await store.sessions()) == 4


async def test_over_another_librarys_session_there_is_no_info() -> None:
    session: Any = EncryptedSession("s", Foreign(), KEYS["old"])
    for name in ("info", "set_info"):
        with pytest.raises(AttributeError, match=r"info .*use a session of this package underneath"):
            getattr(session, name)

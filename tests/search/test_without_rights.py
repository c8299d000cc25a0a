"""Searches by those who may not write, or have no key."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import DecryptionError, KeyRing, MissingKeyError, StoreReadOnlyError, generate_key, open_store
from sessions.testing.searching import rows_of
from sessions.text_search.rows import hash_of, pack_hashes

if TYPE_CHECKING:
    from pathlib import Path


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def test_a_store_that_may_not_be_written_searches_what_is_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: store/searching.py, `except StoreError`."""
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_store(url) as store:
        await store.session("old").add_items([user("old apple")])
        await store.index()
        await store.session("new").add_items([user("new apple")])

        async def refuse(*_: object) -> None:
            await asyncio.sleep(0)
            raise StoreReadOnlyError("read-only")

        monkeypatch.setattr(type(store._backend), "write", refuse)
        page = await store.search("apple")
        assert ([hit.snippet for hit in page.hits], page.behind) == (["old apple"], 1)
        assert [hit.snippet for hit in (await store.session("new").search("apple")).hits] == ["new apple"]
        with pytest.raises(StoreReadOnlyError):
            await store.index()


async def test_encrypted_sessions_without_their_key_are_skipped(url: str) -> None:
    keys = generate_key(), generate_key()
    async with open_store(url, create_tables=True, encryption_key=keys[0]) as store:
        for n in range(2):
            await store.session(f"secret{n}", owner="ann").add_items([user(f"apple {n}")])
        await store.index(owner="ann")
        await store.session("secret1", owner="ann").add_items([user("apple more")])
    async with open_store(url) as store:
        await store.session("plain", owner="ann").add_items([user("apple plain")])
        page = await store.search("apple", owner="ann")
        assert ([hit.session_id for hit in page.hits], page.behind, page.skipped) == (["plain"], 0, 2)
        done = await store.index(owner="ann")
        assert (done.sessions, done.behind, done.skipped) == (0, 0, 2)
        with pytest.raises(MissingKeyError):
            await store.session("secret0").search("apple")
    async with open_store(url, encryption_key=keys[1]) as store:
        page = await store.search("apple", owner="ann")
        assert page.hits == []
        assert (page.behind, page.skipped) == (0, 3)
        done = await store.index(owner="ann", entries=1)
        assert (done.sessions, done.entries, done.behind, done.skipped) == (0, 0, 0, 1)
        with pytest.raises(DecryptionError):
            await store.session("secret0").search("apple")
    async with open_store(url, encryption_key=keys[0]) as store:
        page = await store.search("apple", owner="ann")
        assert sorted(hit.snippet for hit in page.hits) == ["apple 0", "apple 1", "apple more"]
        assert page.skipped == 1, "the session in the clear"


async def test_no_hash_of_an_encrypted_word_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with open_store(f"sqlite:///{path}", encryption_key=generate_key()) as store:
        await store.session("s").add_items([user("confidential")])
        await store.index()
        assert len((await store.search("confidential")).hits) == 1
        assert [words is not None for words in (await rows_of(store)).values()] == [True]
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert pack_hashes([hash_of("confidential")]) not in content
    assert b"confidential" not in content


async def test_encrypted_words_that_were_altered_or_moved_hide_nothing(tmp_path: Path) -> None:
    """Fails without: log/search/blocks.py, `except DecryptionError`."""
    path, key = tmp_path / "chat.db", generate_key()
    async with open_store(f"sqlite:///{path}", encryption_key=key) as store:
        await store.session("s").add_items([user(f"word{n}") for n in range(64)])
        await store.index()
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = connection.execute("select id, words from agent_log_session_words order by id").fetchall()
        swapped = [(rows[1][1], rows[0][0]), (rows[0][1][:-1] + b"x", rows[1][0])]
        connection.executemany("update agent_log_session_words set words = ? where id = ?", swapped)
    connection.close()
    async with open_store(f"sqlite:///{path}", encryption_key=key) as store:
        for n in (1, 33):
            assert len((await store.search(f"word{n}")).hits) == 1
            assert len((await store.session("s").search(f"word{n}")).hits) == 1


async def test_after_a_rotation_words_are_encrypted_with_the_new_key(tmp_path: Path) -> None:
    url, keys = f"sqlite:///{tmp_path}/chat.db", {"old": generate_key(), "new": generate_key()}
    async with open_store(url, encryption_key=KeyRing({"old": keys["old"]})) as store:
        await store.session("s").add_items([user("apple")])
        await store.index()
        before = await rows_of(store)
    async with open_store(url, encryption_key=KeyRing(keys, current="new")) as store:
        await store.rotate(reencrypt=True)
        assert all(words is None for words in (await rows_of(store)).values())
    async with open_store(url, encryption_key=KeyRing({"new": keys["new"]})) as store:
        assert len((await store.search("apple")).hits) == 1
        after = await rows_of(store)
        assert after.keys() == before.keys()
        assert None not in after.values()
        assert after != before

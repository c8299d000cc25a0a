"""Encrypted memories: nothing readable in any file, altered rows, and keys that are missing, rotated or destroyed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from sessions import DecryptionError, KeyRing, MissingKeyError, generate_key, open_store
from sessions.embedding.vectors import pack, unit_vectors
from sessions.testing.memory.search_model import DIMS, embed
from sessions.types.memories import Put
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sessions.crypto.subject import Subject

A = ("users", "ann")
TEXT = "zanzibar marzipan"


async def test_no_file_has_anything_readable(tmp_path: Path) -> None:
    """Fails without: memory/writing.py, `sealed_row` and `seal_value`."""
    path = tmp_path / "sessions.db"
    key = generate_key()
    async with open_store(f"sqlite:///{path}", encryption_key=key, embed=embed, embed_fields=["text"]) as store:
        await store.memories.put(A, "k", {"text": TEXT})
        await store.memories.put(A, "k", {"text": f"{TEXT} again"})
        assert [one.value["text"] for one in await store.memories.search(query="marzipan")] == [f"{TEXT} again"]
        files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    files |= {file: file.read_bytes() for file in tmp_path.iterdir()}
    vector = pack(unit_vectors(embed([TEXT]), 1, DIMS, "")[0])
    for content in files.values():
        assert b"zanzibar" not in content
        assert vector not in content
        assert crc32(b"zanzibar").to_bytes(4, "little") not in content
    assert any(b"ann" in content for content in files.values())


async def test_a_key_is_needed_and_the_right_one(anywhere: str) -> None:
    """Fails without: memories/hold.py, `open`; memory/search/searcher.py, `is_sealed`."""
    key = generate_key()
    async with open_store(anywhere, create_tables=True, encryption_key=key) as store:
        await store.memories.put(A, "k", {"text": TEXT})
    others: tuple[tuple[Any, type[Exception]], ...] = ((DEFAULT, MissingKeyError), (generate_key(), DecryptionError))
    for other, error in others:
        async with open_store(anywhere, create_tables=True, encryption_key=other) as store:
            memories = store.memories
            calls: list[Callable[[], Awaitable[Any]]] = [
                partial(memories.get, A, "k"),
                memories.list,
                partial(memories.search, query="marzipan"),
                memories.search,
                partial(memories.put, A, "k", {}),
                partial(memories.put, A, "other", {}),
            ]
            for call in calls:
                with pytest.raises(error, match="Nothing was") as caught:
                    await call()
                assert "zanzibar" not in str(caught.value)
                assert "\\x01" not in str(caught.value)
                assert other is DEFAULT or "namespace ('users', 'ann')" in str(caught.value)
            assert await memories.count() == 1
    async with open_store(anywhere, create_tables=True, encryption_key=key) as store:
        assert [one.value for one in await store.memories.list()] == [{"text": TEXT}]
    async with open_store(anywhere, create_tables=True) as store:
        assert await store.memories.delete(A, "k")


async def test_an_update_keeps_what_search_knows(anywhere: str) -> None:
    """Fails without: memories/present.py, `places_of`."""
    async with open_store(anywhere, create_tables=True, encryption_key=generate_key()) as store:
        memories = store.memories
        await memories.put(A, "own", {"text": "zebra", "facts": "giraffe"}, index=["facts"])
        await memories.put(A, "hidden", {"text": "zebra"}, index=False)
        for key in ("own", "hidden"):
            assert await memories.update(A, key, lambda old: {**(old or {}), "n": 1})
        assert await memories.search(query="zebra") == []
        assert [one.key for one in await memories.search(query="giraffe")] == ["own"]


@pytest.mark.parametrize("column", ["payload", "sealed"])
async def test_a_row_that_was_exchanged_or_set_back_is_refused(tmp_path: Path, column: str) -> None:
    """Fails without: memory/sealing.py, any column of `Place`."""
    path = tmp_path / "sessions.db"
    table, id_ = ("agent_memory_memories", "id") if column == "payload" else ("agent_memory_search_rows", "memory")
    key = generate_key()

    def rows() -> dict[int, Any]:
        with closing(sqlite3.connect(path)) as database, database:
            return dict(database.execute(f"select {id_}, {column} from {table} order by {id_}").fetchall())  # noqa: S608

    def put_row(memory: int, value: Any) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"update {table} set {column} = ? where {id_} = ?", (value, memory))  # noqa: S608

    async with open_store(f"sqlite:///{path}", encryption_key=key) as store:
        await store.memories.put_many([Put(A, "k", {"text": "cat"}), Put(A, "l", {"text": "dog"})])
    first, second = rows()
    original = rows()
    async with open_store(f"sqlite:///{path}", encryption_key=key) as store:
        await store.memories.put(A, "k", {"text": "far"})
    changed = rows()[first]
    for value in (original[second], original[first], changed[:-1] + bytes([changed[-1] ^ 1])):
        put_row(first, value)
        async with open_store(f"sqlite:///{path}", encryption_key=key) as store:
            with pytest.raises(DecryptionError, match="was altered or moved"):
                await store.memories.search(query="far")
            if column == "payload":
                with pytest.raises(DecryptionError, match="was altered or moved"):
                    await store.memories.get(A, "k")
            assert (await store.memories.get(A, "l")).value == {"text": "dog"}  # type: ignore[union-attr] # it is there
        put_row(first, changed)


async def test_a_refreshed_expiry_writes_no_payload(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/s.db", encryption_key=generate_key()) as store:
        await store.memories.put(A, "k", {"text": "cat"}, ttl=0.2)
        refreshed = await store.memories.get(A, "k", refresh=True)
        assert refreshed is None or refreshed.value == {"text": "cat"}


@pytest.mark.parametrize("reencrypt", [False, True])
async def test_rotation_needs_the_old_key_no_more(anywhere: str, *, reencrypt: bool) -> None:
    """Fails without: memories/rotation.py."""
    old, new = generate_key(), generate_key()
    async with open_store(anywhere, create_tables=True, encryption_key=old, embed=embed) as store:
        await store.memories.put_many([Put((f"n{n % 3}",), f"{n}", {"text": f"cat {n}"}) for n in range(9)])
        before = await store.memories.list()
    both = KeyRing({"old": old, "new": new})
    async with open_store(anywhere, create_tables=True, encryption_key=both, embed=embed) as store:
        seen: list[int] = []
        rotation = await store.rotate(reencrypt=reencrypt, progress=lambda done: seen.append(done.namespaces))
        assert (rotation.namespaces, rotation.rewrapped, rotation.failed) == (3, 3, ())
        assert rotation.reencrypted == (9 if reencrypt else 0)
        assert seen[-1] == 3
        assert (await store.rotate()).rewrapped == 0
        assert await store.memories.list() == before
    async with open_store(anywhere, create_tables=True, encryption_key=KeyRing({"new": new}), embed=embed) as store:
        assert await store.memories.list() == before
        assert len(await store.memories.search(query="cat", limit=20)) == 9
        assert [str(one) async for one in store.verify()] == []


async def test_plain_memories_are_encrypted_when_that_is_allowed(anywhere: str) -> None:
    """Fails without: memory/sealing.py, `check_plain`; memory/rotating.py, `_reencrypt` of rows in the clear."""
    key = generate_key()
    async with open_store(anywhere, create_tables=True, embed=embed) as store:
        await store.memories.put(A, "plain", {"text": "cat"})
    async with open_store(anywhere, create_tables=True, encryption_key=key) as store:
        calls: list[Callable[[], Awaitable[Any]]] = [
            partial(store.memories.get, A, "plain"),
            partial(store.memories.put, A, "k", {}),
            store.memories.search,
        ]
        for call in calls:
            with pytest.raises(DecryptionError, match="unencrypted memories"):
                await call()
    async with open_store(
        anywhere, create_tables=True, encryption_key=key, allow_plain_text=True, embed=embed
    ) as store:
        await store.memories.put(A, "new", {"text": "cat far"})
        assert {one.key for one in await store.memories.search(query="cat")} == {"plain", "new"}
        await store.rotate(reencrypt=True)
    async with open_store(anywhere, create_tables=True, encryption_key=key, embed=embed) as store:
        assert {one.key for one in await store.memories.search(query="cat")} == {"plain", "new"}


class Provider:
    """A key service that notes whose keys it destroyed."""

    current = "1"

    def __init__(self) -> None:
        self.destroyed: list[Subject] = []

    async def wrap(self, secret: bytes, *, key_id: str, subject: Subject) -> bytes:
        del key_id, subject
        return secret[::-1]

    async def unwrap(self, wrapped: bytes, *, key_id: str, subject: Subject) -> bytes:
        del key_id
        if subject in self.destroyed:
            raise LookupError
        return wrapped[::-1]

    async def destroy(self, *, subject: Subject) -> None:
        self.destroyed.append(subject)


async def test_erasing_destroys_the_keys_at_the_provider(anywhere: str) -> None:
    """Fails without: memories/erasing.py and store/erasing.py, `destroy_keys`."""
    provider = Provider()
    async with open_store(anywhere, create_tables=True, encryption_key=provider, embed=embed) as store:
        await store.memories.put(("a", "b"), "k", {"text": "cat"})
        await store.memories.put(("a",), "k", {"text": "cat"}, owner="ann")
        await store.memories.put(("c",), "k", {"text": "cat"}, owner="ann")
        assert len(await store.memories.search(query="cat")) == 3
        await store.memories.erase(("a", "b"), scrub=False)
        assert [one.name for one in provider.destroyed] == ["a\x01b\x01"]
        await store.erase_owner("ann", scrub=False)
        assert {one.name for one in provider.destroyed} == {"a\x01b\x01", "a\x01", "c\x01"}
        assert {one.kind for one in provider.destroyed} == {"memories"}
        assert await store.memories.list() == []

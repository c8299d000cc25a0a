"""Memories in exports: what goes along, and what an import refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sessions.errors import ConflictError, InvalidExportError
from sessions.types.memories import Put

if TYPE_CHECKING:
    from sessions import Store
    from sessions.testing.expiry_model import MovableClock, OpenStore
    from sessions.types.memories import Memory


async def _exported(store: Store, **wanted: object) -> list[bytes]:
    return [piece async for piece in store.export_lines(memories=True, **wanted)]  # type: ignore[arg-type] # its own


def _times(memory: Memory) -> tuple[object, ...]:
    return memory.key, memory.created_at, memory.updated_at, memory.expires_at


class Moved:
    """Exports and imports of memories. Owners of their own keep tests of one database apart."""

    async def test_memories_come_back_as_they_were(self, open_here: OpenStore, time: MovableClock) -> None:
        """Fails without: memories/exporting.py, `_line` and `_put_of`; memory/writing.py, `restored`."""
        async with open_here() as store:
            mark, owner = f"{uuid4()}", (f"{uuid4()}", "ann")
            mine = store.memories.under((mark,), owner=owner)
            await store.session(mark, owner=owner).add_items([{"role": "user", "content": "Hello"}])
            await mine.put(("a",), "plain", {"text": "a cat", "n": 2**70, "e": "é\u2028東京 😀"})
            await mine.put(("a",), "hidden", {"text": "a hidden cat"}, index=False)
            await mine.put(("a", "b"), "fields", {"text": "a cat", "facts": ["dog"]}, index=["facts[*]"])
            await mine.put(("a\x01\x02",), "expiring key\n", {"text": "cat"}, ttl=100)
            time.move(10)
            await mine.put(("a",), "plain", {"text": "a cat and a mouse", "n": -0.5})
            await mine.put_many([Put((f"n{number:02}",), "k", {"n": number}, ttl=5) for number in range(250)])
            await mine.put_many([Put(("many",), f"{number:03}", {"n": number}) for number in range(230)])
            before = await mine.list(limit=1_000)
            found = [one.key for one in await mine.search(query="dog", mode="text")]
            pieces = await _exported(store, owner=owner)
            await mine.erase((), scrub=False)
            assert await mine.count() == 0
            time.move(6)
            done = await store.import_sessions(pieces, on_exists="skip")
            assert (done.sessions, done.skipped, done.memories, done.memories_skipped) == (0, 1, 234, 250)
            after = await mine.list(limit=1_000)
            old = {(one.namespace, one.key): one for one in before}
            assert len(after) == 234
            for one in after:
                was = old[one.namespace, one.key]
                assert (one.value, one.created_at, one.updated_at, one.expires_at) == (
                    was.value, was.created_at, was.updated_at, was.expires_at
                )  # fmt: skip
                assert one.version >= was.version
            assert [one.key for one in await mine.search(query="dog", mode="text")] == found == ["fields"]
            assert await mine.search(query="hidden", mode="text") == []
            refreshed = await mine.get(("a\x01\x02",), "expiring key\n", refresh=True)
            assert refreshed is not None
            assert refreshed.expires_at is not None
            assert after[0].expires_at is None or refreshed.expires_at > after[0].expires_at
            again = await mine.put(("many",), "000", {"n": 0}, if_version=after[-230].version)
            assert again.version > after[-230].version
            await mine.erase((), scrub=False)
            await store.delete(mark)

    async def test_a_memory_that_is_imported_alone_keeps_its_times(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        """Fails without: memory/fast/postgres.py, `restored` in `_values_of`."""
        async with open_here() as store:
            owner, mark = f"{uuid4()}", f"{uuid4()}"
            mine = store.memories.under((mark,), owner=owner)
            await mine.put_many([Put(("a",), f"{number:03}", {"n": number}, ttl=100) for number in range(101)])
            pieces = await _exported(store, owner=owner)
            before = await mine.list(limit=200)
            await mine.erase((), scrub=False)
            time.move(10)
            # The last page has one memory, of a namespace that the first page has made.
            await store.import_sessions(pieces)
            assert [_times(one) for one in await mine.list(limit=200)] == [_times(one) for one in before]
            await mine.delete(("a",), "050")
            await store.import_sessions(pieces, on_exists="skip")
            assert [_times(one) for one in await mine.list(limit=200)] == [_times(one) for one in before]
            await mine.erase((), scrub=False)

    async def test_an_export_has_the_memories_of_the_wanted_owners(self, open_here: OpenStore) -> None:
        """Fails without: memory/statements/exporting.py, its range of owners."""
        async with open_here() as store:
            tenant, mark = f"{uuid4()}", f"{uuid4()}"
            for number, owner in enumerate([(tenant,), (tenant, "ann"), (tenant, "bob"), (f"{tenant}b", "eve")]):
                await store.memories.put((mark, f"{number}"), "k", {"n": number}, owner=owner)
            await store.memories.put((mark, "nobody's"), "k", {})

            async def numbers(**wanted: object) -> list[bytes]:
                lines = b"".join(await _exported(store, **wanted)).splitlines()
                return [line.partition(b'"n":')[2][:1] for line in lines if b'"type":"memory"' in line]

            assert await numbers(owner=(tenant, "ann")) == [b"1"]
            assert await numbers(owner=tenant) == [b"0"]
            assert await numbers(below=tenant) == [b"0", b"1", b"2"]
            everything = b"".join(await _exported(store, plain=True))
            assert everything.count(mark.encode()) == 5
            without = b"".join([piece async for piece in store.export_lines(plain=True)])
            assert mark.encode() not in without
            assert without.startswith(b'{"type":"export","format":1')
            await store.memories.erase((mark,), scrub=False)

    async def test_a_memory_that_exists_is_an_error_or_left_out(self, open_here: OpenStore) -> None:
        """Fails without: memories/exporting.py, `_exists`."""
        async with open_here() as store:
            owner, mark = f"{uuid4()}", f"{uuid4()}"
            mine = store.memories.under((mark,), owner=owner)
            await mine.put_many([Put(("a",), f"{number:03}", {"n": number}) for number in range(150)])
            pieces = await _exported(store, owner=owner)
            for number in range(150):
                if number != 120:
                    await mine.delete(("a",), f"{number:03}")
            await mine.put(("a",), "120", {"n": "another"})
            with pytest.raises(ConflictError, match=r"memory '120' .*exists already"):
                await store.import_sessions(pieces)
            assert await mine.count() == 101
            done = await store.import_sessions(pieces, on_exists="skip")
            assert (done.memories, done.memories_skipped) == (49, 101)
            assert [one.value["n"] for one in await mine.list(limit=200)] == [
                "another" if number == 120 else number for number in range(150)
            ]
            await mine.erase((), scrub=False)

    async def test_filters_find_values_as_other_programs_write_them(self, open_here: OpenStore) -> None:
        """Fails without: memories/exporting.py, `_put`, which stores a value as the codec here writes it."""
        async with open_here() as store:
            owner, mark = f"{uuid4()}", f"{uuid4()}"
            mine = store.memories.under((mark,), owner=owner)
            value = {"text": "Abc", "n": 30_000_000, "tags": ["Abc"]}
            await mine.put(("a",), "k", value)
            written = b"".join(await _exported(store, owner=owner))
            await mine.erase((), scrub=False)
            others = written.replace(b'"Abc"', b'"\\u0041b\\u0063"').replace(b'"n":30000000', b'"n" : 3.0E7')
            assert others != written
            await store.import_sessions([others])
            assert [one.value for one in await mine.list()] == [value]
            for wanted in ({"text": "Abc"}, {"n": 30_000_000}, {"tags": {"$contains": "Abc"}}):
                assert await mine.count(filter=wanted) == 1
            await mine.erase((), scrub=False)

    async def test_an_error_tells_how_many_memories_were_imported(self, open_here: OpenStore) -> None:
        """Fails without: store/importing.py, `imported`; store/import_lines.py, `refusal`."""
        async with open_here() as store:
            owner, mark = f"{uuid4()}", f"{uuid4()}"
            mine = store.memories.under((mark,), owner=owner)
            await mine.put_many([Put(("a",), f"{number:03}", {"n": number}) for number in range(150)])
            *lines, _ = b"".join(await _exported(store, owner=owner)).splitlines(keepends=True)
            await mine.erase((), scrub=False)
            with pytest.raises(InvalidExportError, match="Of the memories, 100 before this line were imported"):
                await store.import_sessions([b"".join(lines)])
            assert await mine.count() == 100
            await mine.erase((), scrub=False)

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            (b'"key":"b"', b'"key":"a"', "not in the order"),
            (b'"key":"b"', b'"key":""', "must not be empty"),
            (b'"version":', b'"version":-', "its version cannot be"),
            (b'"value":{"n":1}', b'"value":[1]', "not a JSON object"),
            (b'"value":{"n":1}', b'"payload":"AAAA","value":{}', "either a value or a payload"),
            (b'"memories":2', b'"memories":3', "counts 3 memories"),
            (b'"format":2', b'"format":1', "format 1 has no memories"),
            (b'"format":2', b'"format":3', "format 3"),
            (b'"index":false', b'"index":false,"more":1', "unknown field"),
            (b'"namespace":["', b'"namespace":["\\u0000', "NUL"),
            (b'"index":false', b'"ttl":5', "do not fit together"),
            (b'"index":false', b'"ttl":4000000000000000,"expires_at":5000000000000000', "a time cannot be"),
            (b'"index":false', b'"index":["n["]', "its index"),
            (b'"index":false', b'"index":[]', "its index"),
        ],
    )
    async def test_a_wrong_line_is_refused(self, open_here: OpenStore, old: bytes, new: bytes, fault: str) -> None:
        """Fails without: memory/export_lines.py, `check`; store/import_lines.py, `_add_memory`."""
        async with open_here() as store:
            owner, mark = f"{uuid4()}", f"{uuid4()}"
            mine = store.memories.under((mark,), owner=owner)
            await mine.put(("x",), "a", {"n": 0})
            await mine.put(("x",), "b", {"n": 1}, index=False)
            whole = b"".join(await _exported(store, owner=owner))
            await mine.erase((), scrub=False)
            assert old in whole
            with pytest.raises(InvalidExportError, match=fault) as caught:
                await store.import_sessions([whole.replace(old, new)])
            assert mark not in str(caught.value)
            assert await mine.count() == 0

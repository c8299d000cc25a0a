"""Memories: putting, reading, updating and deleting, with versions and owners."""

from __future__ import annotations

import asyncio
import unicodedata
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.errors import ConflictError, InvalidItemError, OwnerError
from sessions.types.memories import Put

if TYPE_CHECKING:
    from sessions.testing.expiry_model import OpenStore

STRANGE = (
    ("a",), ("ab",), ("a", "b"), ("A",), ("ä",), ("a\u0308",), ("a ",), (" a",), ("a.b", "c/d"), ("x@y.example",),
    ("%",), ("_",), ("\x01",), ("\x02",), ("\x01", "\x02"), ("\x01\x02",), ("\x03",), ("😀",), ("\U0010ffff",),
    ("東京",),    ("'; drop table x; --",), ("\x7f\u2028\ufeff",), ("e" * 300,), tuple("abcdefghijklmnop"),
)  # fmt: skip
"""Namespaces that a careless store takes for another, or does not take."""


class Putting:
    """Putting, reading and deleting single memories."""

    async def test_what_was_put_is_read(self, open_here: OpenStore) -> None:
        """Fails without: memory/statements/memories.py, any column of `REPLACE_MEMORY`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            value = {"text": "é\x00😀", "n": 2**70, "f": 1.5, "deep": [{"a": None}, True]}
            put = await mine.put(("a", "b"), "key", value)
            assert put == await mine.get(("a", "b"), "key")
            assert (put.namespace, put.key, put.value, put.version) == (("a", "b"), "key", value, put.version)
            assert put.expires_at is None
            again = await mine.put(("a", "b"), "key", {"text": "other"})
            assert again == await mine.get(("a", "b"), "key")
            assert again.version > put.version
            assert again.created_at == put.created_at
            assert await mine.delete(("a", "b"), "key")
            assert not await mine.delete(("a", "b"), "key")
            assert await mine.get(("a", "b"), "key") is None
            assert (await mine.put(("a", "b"), "key", {})).version > again.version + 1

    async def test_the_value_is_the_callers_own(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            value: dict[str, Any] = {"list": [1]}
            put = await mine.put(("a",), "k", value)
            value["list"].append(2)
            put.value["list"].append(3)
            found = await mine.get(("a",), "k")
            assert found is not None
            assert found.value == {"list": [1]}

    async def test_namespaces_and_keys_are_compared_byte_by_byte(self, open_here: OpenStore) -> None:
        """Fails without: db/dialect.py, `varbinary` for keys and paths."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            names = sorted(STRANGE, key=_as_stored)
            short = [one for one in names if len(one) < 16]
            keys = ["k", "K", "k ", "ķ", "k\u0327", "😀", "\U0010ffff", "_", "%", "x" * 512]
            await mine.put_many([Put(one, "k", {"of": list(one)}) for one in short])
            await mine.put_many([Put(("keys",), key, {"of": key}) for key in keys])
            for one in short:
                found = await mine.get(one, "k")
                assert found is not None
                assert found.value == {"of": list(one)}
            assert [one.value["of"] for one in await mine.list(("keys",))] == sorted(keys, key=str.encode)
            listed = [one.namespace for one in await mine.namespaces() if one.namespace != ("keys",)]
            assert listed == short

    async def test_every_class_of_unicode_is_kept_apart(self, open_here: OpenStore) -> None:
        """Fails without: db/dialect.py, `varbinary` for keys and paths; memory/paths.py, order by bytes."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",), owner=f"{uuid4()}")
            characters = _of_each_class()
            assert len(characters) > 50
            puts = [Put((f"{one}",), f"{one}k", {"text": f"x{one}y", one: one}) for one in characters]
            await mine.put_many(puts)
            found = await mine.get_many([(put.namespace, put.key) for put in puts])
            assert [one and (one.namespace, one.key, one.value) for one in found] == [
                (put.namespace, put.key, put.value) for put in puts
            ]
            listed = [one.namespace[0] for one in await mine.list(limit=1_000)]
            assert listed == sorted(characters, key=str.encode)
            for one in characters:
                assert await mine.count((one,)) == 1
                if one != "$":  # Before a name, it makes an operator.
                    (only,) = await mine.list(filter={one: {"$eq": one}})
                    assert only.namespace == (one,)

    async def test_a_prefix_does_not_reach_its_neighbours(self, open_here: OpenStore) -> None:
        """Fails without: memory/paths.py, the U+0001 behind each label."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            for one in (("acme",), ("acme-corp",), ("acme", "x"), ("Acme",), ("acm_",), ("acme%",), ("acmf",)):
                await mine.put(one, "k", {})
            assert [one.namespace for one in await mine.list(("acme",))] == [("acme",), ("acme", "x")]
            assert await mine.count(("acme",)) == 2
            assert await mine.count(("acm",)) == await mine.count(("acm_e",)) == 0
            assert (await mine.erase(("acme",), scrub=False)).namespaces == 2
            assert await mine.count() == 5

    async def test_nobody_reaches_beyond_a_prefix(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            root = store.memories.under((f"{uuid4()}",))
            alice, bob = root.under(("alice",)), root.under(("bob",))
            await alice.put(("x",), "k", {"of": "alice"})
            await bob.put(("x",), "k", {"of": "bob"})
            assert [one.value for one in await alice.list()] == [{"of": "alice"}]
            assert [one.namespace for one in await alice.namespaces()] == [("x",)]
            assert await alice.get(("bob", "x"), "k") is None
            (theirs,) = await root.list(("bob",))
            assert {one.value["of"] for one in await alice.list(after=theirs.cursor)} <= {"alice"}
            assert not await alice.delete(("bob", "x"), "k")
            assert (await alice.erase(scrub=False)).memories == 1
            assert [one.value for one in await root.list()] == [{"of": "bob"}]

    async def test_versions(self, open_here: OpenStore) -> None:
        """Fails without: memory/changes.py, `_check_version`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            first = await mine.put(("a",), "k", {"n": 1}, if_version=0)
            for version in (0, first.version + 1):
                with pytest.raises(ConflictError, match=r"memory 'k' of namespace .* has version") as caught:
                    await mine.put(("a",), "k", {"n": 2}, if_version=version)
                assert caught.value.version == first.version
            with pytest.raises(ConflictError):
                await mine.delete(("a",), "k", if_version=first.version + 1)
            with pytest.raises(ConflictError, match="is not there"):
                await mine.put(("a",), "other", {}, if_version=3)
            with pytest.raises(ConflictError):
                await mine.put_many([Put(("b",), "new", {}), Put(("a",), "k", {}, if_version=0)])
            assert [one.value for one in await mine.list()] == [{"n": 1}]
            assert await mine.delete(("a",), "k", if_version=first.version)

    async def test_versions_never_come_again(self, open_here: OpenStore) -> None:
        """Fails without: memory/statements/spaces.py, `RAISE_FLOOR`; memory/locking.py, `floor`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            seen = set()
            for _ in range(3):
                for _ in range(3):
                    seen.add((await mine.put(("a",), "k", {})).version)
                await mine.erase(scrub=False)
            assert len(seen) == 9

    async def test_several_are_put_or_none(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            puts = [Put((f"n{number % 7}",), f"k{number}", {"n": number}) for number in range(100)]
            assert [one.value["n"] for one in await mine.put_many(puts)] == list(range(100))
            found = await mine.get_many([(put.namespace, put.key) for put in puts] + [(("n0",), "missing")])
            assert [one and one.value["n"] for one in found] == [*range(100), None]
            with pytest.raises(InvalidItemError, match=r"memory 'bad' of namespace \('a',\): value"):
                await mine.put_many([Put(("a",), "good", {}), Put(("a",), "bad", {"x": object()})])
            with pytest.raises(ValueError, match="two of the memories"):
                await mine.put_many([Put(("a",), "k", {}), Put(("a",), "k", {})])
            assert await mine.count() == 100
            assert await mine.put_many([]) == await mine.get_many([]) == []

    async def test_no_update_is_lost(self, open_here: OpenStore) -> None:
        """Fails without: memories/writing.py, `if_version=version` in `update`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))

            async def count() -> None:
                for _ in range(25):
                    await mine.update(("a",), "n", lambda old: {"n": (old["n"] if old else 0) + 1})

            await asyncio.gather(count(), count(), count())
            found = await mine.get(("a",), "n")
            assert found is not None
            assert found.value == {"n": 75}
            assert await mine.update(("a",), "n", lambda _: None) is None
            assert await mine.update(("a",), "n", lambda _: None) is None
            assert await mine.get(("a",), "n") is None

    async def test_an_update_changes_the_value_only(self, open_here: OpenStore) -> None:
        """Fails without: memories/present.py, `ttl` and `_wanted_of`."""
        async with open_here(embed_fields=["text"]) as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put(("a",), "hidden", {"text": "zebra one"}, ttl=1000, index=False)
            await mine.put(("a",), "own", {"text": "zebra two", "facts": ["giraffe"]}, index=["facts[*]"])
            await mine.put(("a",), "later", {"n": 1})
            for key in ("hidden", "own", "later"):
                memory = await mine.update(("a",), key, lambda old: {"text": "zebra", **(old or {}), "more": 1})
                assert memory is not None
                assert (memory.expires_at is not None) == (key == "hidden")
            assert [one.key for one in await mine.search(query="zebra", mode="text")] == ["later"]
            assert [one.key for one in await mine.search(query="giraffe", mode="text")] == ["own"]
            shown = await mine.update(("a",), "hidden", lambda old: old, ttl=None, index=True)
            assert shown is not None
            assert shown.expires_at is None
            assert {one.key for one in await mine.search(query="zebra", mode="text")} == {"later", "hidden"}

    async def test_owners(self, open_here: OpenStore) -> None:
        """Fails without: memory/locking.py, `check_owner`; memory/read.py, the same."""
        async with open_here() as store:
            root = store.memories.under((f"{uuid4()}",))
            alice, bob = (root.under(("shared",), owner=one) for one in ("alice", ("bob", "x")))
            await alice.put(("a",), "k", {"of": "alice"})
            await bob.put(("b",), "k", {"of": "bob"})
            await root.put(("shared", "nobody"), "k", {})
            for namespace in (("a",), ("nobody",)):
                for refused in (
                    bob.get(namespace, "k"),
                    bob.get_many([(namespace, "k")]),
                    bob.put(namespace, "k", {}),
                    bob.put(namespace, "new", {}),
                    bob.put_many([Put(("b",), "new", {}), Put(namespace, "new", {})]),
                    bob.update(namespace, "k", lambda _: None),
                    bob.delete(namespace, "k"),
                    root.get(("shared", *namespace), "k", owner="eve"),
                    root.put(("shared", *namespace), "k", {}, owner="eve"),
                    root.delete(("shared", *namespace), "k", owner="eve"),
                ):
                    with pytest.raises(OwnerError, match=r"namespace .* (belongs to another|has no) owner"):
                        await refused
            assert [one.value for one in await bob.list()] == [{"of": "bob"}]
            assert await bob.count() == 1
            assert [one.namespace for one in await bob.namespaces()] == [("b",)]
            assert await root.count() == 3
            assert (await bob.erase(scrub=False)).memories == 1
            assert await root.count() == 2
            with pytest.raises(ValueError, match="another one than that of under"):
                bob.under(("x",), owner="alice")

    @pytest.mark.parametrize(
        ("namespace", "key", "error"),
        [
            ((), "k", ValueError), (("",), "k", ValueError), (("a", ""), "k", ValueError),
            (("a\x00",), "k", ValueError), (("\ud800",), "k", ValueError), ("a", "k", TypeError),
            (b"a", "k", TypeError), (None, "k", TypeError), ((1,), "k", TypeError),
            (("a",) * 17, "k", ValueError), (("x" * 1024,), "k", ValueError),
            (("a",), "", ValueError), (("a",), "\x00", ValueError), (("a",), "\udfff", ValueError),
            (("a",), "x" * 513, ValueError), (("a",), 1, TypeError), (("a",), None, TypeError),
            ({"a": 1}, "k", TypeError),
        ],
    )  # fmt: skip
    async def test_bad_names_are_refused(
        self, open_here: OpenStore, namespace: Any, key: Any, error: type[Exception]
    ) -> None:
        async with open_here() as store:
            memories = store.memories
            for refused in (
                memories.put(namespace, key, {}),
                memories.get(namespace, key),
                memories.get_many([(namespace, key)]),
                memories.update(namespace, key, lambda old: old),
                memories.delete(namespace, key),
                memories.put_many([Put(namespace, key, {})]),
            ):
                with pytest.raises(error, match="Nothing was"):
                    await refused

    async def test_members_of_enumerations_are_their_texts(self, open_here: OpenStore) -> None:
        """Fails without: validation.py, `str.__str__`; memory/filters/grammar.py, that of fields."""

        class Word(str, Enum):  # noqa: UP042 - its `str` is another text, that of `StrEnum` is not
            USER = "user"
            TYPE = "type"

        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            put = await mine.put((Word.USER,), Word.TYPE, {Word.TYPE: Word.USER, "n": 1})
            assert type(put.key) is str
            assert put == await mine.get(("user",), "type")
            assert put.value == {"type": "user", "n": 1}
            assert await mine.list((Word.USER,), filter={Word.TYPE: Word.USER}) == [put]
            (found,) = await mine.search(query="user type")
            (same,) = [await mine.put(("user",), "type", {"type": "user", "n": 1})]
            (again,) = await mine.search(query="user type")
            assert (found.score, found.key) == (again.score, same.key)

    async def test_bad_arguments_are_refused(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            memories: Any = store.memories
            session: Any = store.session(f"{uuid4()}")
            for refused in (
                memories.put(("a",), "k", [1]),
                memories.put(("a",), "k", {}, if_version="1"),
                memories.put(("a",), "k", {}, owner=None),
                memories.put(("a",), "k", {}, ttl="1"),
                memories.put(("a",), "k", {}, index="text"),
                memories.put_many({"a": 1}),
                memories.put_many([("a",)]),
                memories.update(("a",), "k", {"n": 1}),
                memories.get(("a",), "k", refresh="no"),
                memories.get_many(5),
                memories.get_many([5]),
                memories.get_many([(("a",), "k")], refresh="no"),
                memories.search(refresh="no"),
                memories.erase(("a",), scrub="no"),
                memories.erase((), erase_everything="yes"),
                session.add_items([], memories=None),
                memories.list("users"),
                memories.list(limit="1"),
                memories.count("users"),
            ):
                with pytest.raises(TypeError):
                    await refused
            for refused in (
                memories.put(("a",), "k", {}, if_version=-1),
                memories.put(("a",), "k", {}, ttl=0),
                memories.list(limit=0),
                memories.list(after="x"),
                memories.list(after="!"),
                memories.namespaces(max_depth=0),
                memories.erase(()),
            ):
                with pytest.raises(ValueError, match="Nothing was"):
                    await refused
            with pytest.raises(TypeError, match="owner is None"):
                memories.under(("a",), owner=None)


def _as_stored(labels: tuple[str, ...]) -> list[bytes]:
    """Return labels in the order of namespaces: those of which one begins with another come behind it."""
    escaped = {"\x01": "\x02\x02", "\x02": "\x02\x03"}
    return ["".join(escaped.get(one, one) for one in label).encode() + b"\x01" for label in labels]


def _of_each_class() -> list[str]:
    """Return the first and the last character of each general category, but for NUL and surrogates."""
    found: dict[str, list[str]] = {}
    for one in map(chr, [*range(1, 0xD800), *range(0xE000, 0x110000)]):
        known = found.setdefault(unicodedata.category(one), [])
        known[1:] = [one]
    return [one for some in found.values() for one in dict.fromkeys(some)]

"""Memories: filters, declared fields, budgets."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import uuid4

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from sessions.crypto.keys import generate_key
from sessions.errors import FilterTooBroadError, InvalidFilterError, MissingKeyError, UndecodableItemError
from sessions.testing.machines import run_machine
from sessions.testing.memory.filter_model import matches
from sessions.types.memories import Put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.memories.memories import Memories
    from sessions.testing.expiry_model import MovableClock, OpenStore

VALUES: Final[list[dict[str, Any]]] = [
    {},
    *({"n": n} for n in (None, True, False, 0, 1, 1.0, 9, 10, 100, -1.5, 2**60, 2**60 + 1, 10**30, 1e300)),
    *({"n": n} for n in ("", "10", "a", "nul\0", "é", "e\u0301", "😀", "x" * 300, "x" * 300 + "y")),
    *({"n": n} for n in ([], [1], [True], ["a", "b"], [None, [1]], {}, {"a": 1}, {"a": 1, "b": 2}, {"a": {"b": 1}})),
    {"n": {"a": "literal or path"}, "n.a": 1},
    {"my key": 1, "a'; drop table x; --": 2, 'q"': 3, "back\\slash": 4, "nul\0": 5},
]
FILTERS: Final[list[dict[str, Any]]] = [
    *({"n": value["n"]} for value in VALUES if "n" in value and not isinstance(value["n"], dict)),
    *(
        {"n": {name: bound}}
        for name in ("$gt", "$gte", "$lt", "$lte")
        for bound in (1, 10, 2**60, "a", "x" * 300, None)
    ),
    {"n": {"$lt": None}},
    *({"n": {name: [1, "a", None, 10**30, [1]]}} for name in ("$in", "$nin")),
    *({"n": {"$contains": element}} for element in (1, True, "a", [1], None)),
    *({"n": {"$eq": element}} for element in ({}, {"a": 1})),
    *({"n": {"$exists": is_there}} for is_there in (True, False)),
    {"n": {"$gt": float("-inf"), "$lt": float("inf")}},
    {"n": {"$lte": float("nan")}},
    {"n": {"a": 1}},
    {"n.a": 1},
    {"n.a.b": 1},
    {"n": {"$not": {"$gt": 1}}},
    {"n": {"$gte": 1, "$lt": 10}},
    {"$or": [{"n": 1}, {"my key": 1}]},
    {"$not": {"n": {"$exists": True}}},
    {"my key": 1, "a'; drop table x; --": {"$gte": 2}, 'q"': 3},
    {"back\\slash": 4},
    {"nul\0": 5},
]
FIELDS: Final = ("n", "n.a", "my key", 'q"', "a'; drop table x; --")
_CONDITIONS: Final = st.sampled_from([one for one in FILTERS if len(one) == 1])


class _Packed:
    """A codec whose payloads are no JSON."""

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        return [msgspec.msgpack.encode(item) for item in items]

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        return [self.decode(payload) for payload in payloads]

    def decode(self, payload: bytes) -> Any:
        return msgspec.msgpack.decode(payload)

    def digest(self, items: Sequence[Any]) -> bytes:
        raise NotImplementedError


class Filtered:
    """Filters of memories."""

    async def test_filters_mean_what_the_model_says(self, open_here: OpenStore) -> None:
        """Before and after fields are declared, and while that is under way."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put_many([Put((f"s{number % 3}",), f"{number:02}", one) for number, one in enumerate(VALUES)])
            await _compare(mine, FILTERS)
            await store.memories.declare(*FIELDS)
            assert set(FIELDS) <= set(await store.memories.declared())
            await _compare(mine, FILTERS[::6])
            await store.memories.reindex()
            await _compare(mine, FILTERS)
            await store.memories.undeclare(*FIELDS)
            await _compare(mine, FILTERS[::6])

    async def test_pages_are_full_and_have_each_match_once(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            values = [{"n": number % 4, "tags": [f"t{number % 10}"]} for number in range(300)]
            await mine.put_many([Put((f"s{number % 7}",), f"{number:03}", one) for number, one in enumerate(values)])
            for _ in range(2):
                for wanted, expected in (({"n": 1}, 75), ({"tags": {"$contains": "t3"}}, 30)):
                    seen: list[tuple[tuple[str, ...], str]] = []
                    cursor = None
                    while page := await mine.list(filter=wanted, limit=20, after=cursor):
                        assert len(page) == min(20, expected - len(seen))
                        seen += [(one.namespace, one.key) for one in page]
                        cursor = page[-1].cursor
                    assert len(seen) == expected
                    assert seen == sorted(set(seen))
                    assert await mine.count(filter=wanted) == expected
                    assert await mine.count(("s1",), filter=wanted) == sum(one == ("s1",) for one, _ in seen)
                await store.memories.declare("n", "tags")
                await store.memories.reindex()

    async def test_a_text_or_number_is_found_in_large_namespaces(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        """Fails without: memory/fragments.py, `_windows`, `_together`; memory/statements/filtering.py, `IN_WINDOW`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            texts = ["a*b?[c]", "a+b?[c]", "plain text", 'say "it"', "caf\u00e9"]
            values = [
                {"text": texts[n % 5], "tags": [texts[n // 5 % 5]], "n": n, "at": {"n": n * 1.0}} for n in range(4_500)
            ]
            for first in range(0, 4_500, 500):
                some = enumerate(values[first : first + 500], first)
                await mine.put_many(
                    [Put(("large",), f"{n:04}", value, ttl=10 if n % 90 == 1 else None) for n, value in some]
                )
            await mine.put_many([Put((f"small{n}",), f"{n:04}", values[n]) for n in range(300)])
            time.move(11)
            left = [(("large",), n) for n in range(4_500) if n % 90 != 1]
            left += sorted(((f"small{n}",), n) for n in range(300))
            filters: list[dict[str, Any]] = [
                *({"text": text} for text in texts),
                *({"tags": {"$contains": text}, "n": {"$lt": 4_400}} for text in texts),
                {"n": 4_444},
                {"at.n": 1_234},
                {"$and": [{"text": texts[0]}, {"tags": {"$contains": texts[1]}}]},
                {"text": "elsewhere"},
            ]
            for wanted in filters:
                expected = [place for place in left if matches(wanted, values[place[1]])]
                seen: list[tuple[tuple[str, ...], int]] = []
                cursor = None
                while page := await mine.list(filter=wanted, limit=400, after=cursor):
                    seen += [(one.namespace, int(one.key)) for one in page]
                    cursor = page[-1].cursor
                    assert len(page) == 400 or len(seen) == len(expected)
                assert seen == expected, wanted
                assert await mine.count(filter=wanted) == len(expected)

    async def test_a_budget_bounds_the_memories_looked_at(self, open_here: OpenStore) -> None:
        """A declared field makes the same filter cheap."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            field = f"f{uuid4().hex}"
            await mine.put_many([Put(("a",), f"{n}", {field: n, "n": n}) for n in range(50)])
            wanted = {field: 7}
            with pytest.raises(FilterTooBroadError, match="Nothing was returned") as raised:
                await mine.count(filter=wanted, filter_budget=49)
            assert raised.value.fields == (field,)
            assert field in str(raised.value)
            assert await mine.count(filter=wanted, filter_budget=50) == 1
            assert len(await mine.list(filter={"n": {"$gte": 0}}, limit=5, filter_budget=5)) == 5
            await store.memories.declare(field)
            with pytest.raises(FilterTooBroadError):
                await mine.count(filter=wanted, filter_budget=49)
            await mine.put(("a",), "later", {field: 7})
            await store.memories.reindex()
            assert await mine.count(filter=wanted, filter_budget=2) == 2
            with pytest.raises(FilterTooBroadError) as raised:
                await mine.count(filter={"$or": [wanted]}, filter_budget=2)
            assert raised.value.fields == ()

    async def test_a_declared_field_helps_below_a_prefix_of_many_namespaces(self, open_here: OpenStore) -> None:
        """Fails without: memory/candidates.py, `is_wide`; memory/statements/filtering.py, `is_below`."""
        async with open_here() as store:
            prefix, others = f"{uuid4()}", f"{uuid4()}"
            mine = store.memories.under((prefix,))
            values: list[dict[str, Any]] = [*VALUES, *({"other": n} for n in range(40))]
            await mine.put_many([Put((f"s{number}",), f"{number}", one) for number, one in enumerate(values)])
            await store.memories.put_many([Put((others, "s"), f"{number}", one) for number, one in enumerate(VALUES)])
            await store.memories.declare(*FIELDS)
            await store.memories.reindex()
            await _compare(mine, FILTERS, values)
            assert await mine.count(filter={"n": "é"}, filter_budget=1) == 1
            assert await store.memories.count((others,), filter={"n": "é"}, filter_budget=1) == 1
            # So many elsewhere that each namespace is looked into.
            await store.memories.put_many([Put((others, "s"), f"more {n}", {"n": "é", "m": n}) for n in range(2_100)])
            assert await mine.count(filter={"n": "é"}, filter_budget=1) == 1
            await store.memories.erase((others,), scrub=False)
            await store.memories.undeclare(*FIELDS)

    async def test_a_wrong_filter_is_refused_before_anything_is_read(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            wrong = {"n": {"$regex": "a"}}
            for call in (mine.list(filter=wrong), mine.count(filter=wrong)):
                with pytest.raises(InvalidFilterError) as raised:
                    await call
                assert str(raised.value).startswith("filter['n']['$regex'] ")
            with pytest.raises(TypeError, match="filter must be a dictionary"):
                await mine.list(filter=["n"])  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="filter_budget"):
                await mine.list(filter={"n": 1}, filter_budget=0)

    async def test_fields_are_declared_for_the_whole_store(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            before = await store.memories.declared()
            mine = store.memories.under((f"{uuid4()}",))
            for call in (mine.declare("n"), mine.undeclare("n"), mine.reindex()):
                with pytest.raises(ValueError, match="concerns all memories"):
                    await call
            for wrong in ("", "$n", "~n", "a.~n", "\ud800", "nul\0", "x" * 256):
                with pytest.raises(ValueError, match="Nothing was"):
                    await store.memories.declare("fine", wrong)
            with pytest.raises(ValueError, match="at most 64"):
                await store.memories.declare(*(f"f{number}" for number in range(65)))
            with pytest.raises(TypeError):
                await store.memories.declare(1)  # type: ignore[arg-type]
            assert await store.memories.declared() == before

    async def test_a_value_that_another_codec_wrote_is_an_error_of_each_filter(self, open_here: OpenStore) -> None:
        """Fails without: memory/statements/filtering.py, `:brace` in `_HAS_FRAGMENT`."""
        prefix, value = f"{uuid4()}", {"text": "a text"}
        async with open_here() as store, open_here(codec=_Packed()) as other:
            await store.memories.put((prefix, "a"), "k", value)
            await other.memories.put((prefix, "b"), "k", value)
            filters: list[dict[str, Any]] = [value, {"text": {"$gt": "a"}}]
            for below, wanted in itertools.product([(prefix,), (prefix, "b")], filters):
                with pytest.raises(UndecodableItemError):
                    await store.memories.count(below, filter=wanted)
            assert await store.memories.count((prefix, "a"), filter=value) == 1
            assert await other.memories.count((prefix, "b"), filter=value) == 1
            await store.memories.erase((prefix,), scrub=False)

    async def test_encrypted_memories_among_others_are_filtered_without_an_index(self, open_here: OpenStore) -> None:
        """Fails without: memory/statements/spaces.py, `SET_WRAPPED_KEYS`, `settings = -1`."""
        prefix, wanted = f"{uuid4()}", {"n": 7}
        async with open_here() as store:
            await store.memories.declare("n")
            await store.memories.reindex()
            await store.memories.put_many([Put((prefix, "plain"), f"{n}", {"n": n}) for n in range(20)])
            async with open_here(encryption_key=generate_key(), allow_plain_text=True) as encrypted:
                await encrypted.memories.put_many([Put((prefix, "hidden"), f"{n}", {"n": n}) for n in range(20)])
                await store.memories.reindex()
                found = await encrypted.memories.list((prefix,), filter=wanted)
                assert [(one.namespace[1], one.key) for one in found] == [("hidden", "7"), ("plain", "7")]
                assert await encrypted.memories.count((prefix, "hidden"), filter=wanted) == 1
            for hidden in ({"n": 7}, {"n": "a text"}):
                with pytest.raises(MissingKeyError):
                    await store.memories.list((prefix,), filter=hidden)
            assert await store.memories.count((prefix, "plain"), filter=wanted, filter_budget=1) == 1
            assert not [one async for one in store.verify() if "settings" in str(one)]
            await store.memories.erase((prefix,), scrub=False)
            await store.memories.undeclare("n")

    async def test_encrypted_memories_are_filtered_without_an_index(self, open_here: OpenStore) -> None:
        async with open_here(encryption_key=generate_key()) as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put_many([Put((f"s{number % 3}",), f"{number:02}", one) for number, one in enumerate(VALUES)])
            await _compare(mine, FILTERS[::6])
            with pytest.raises(ValueError, match="in the clear"):
                await store.memories.declare("n")
            with pytest.raises(FilterTooBroadError, match=r"was returned\. Pass a longer prefix") as caught:
                await mine.list(filter={"n": 1}, filter_budget=1)
            assert caught.value.fields == ()

    FILTER_EXAMPLES: ClassVar[int] = 8
    """How many sequences of operations are compared with the model."""

    def test_any_sequence_of_puts_and_declarations(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        run_machine(lambda: FilterMachine(open_here), self.FILTER_EXAMPLES, steps=20)


async def _compare(
    mine: Memories, filters: Sequence[dict[str, Any]], values: Sequence[dict[str, Any]] = VALUES
) -> None:
    for wanted in filters:
        expected = [number for number, value in enumerate(values) if matches(wanted, value)]
        found = await mine.list(filter=wanted, limit=1_000)
        assert sorted(int(one.key) for one in found) == expected, wanted


class FilterMachine(RuleBasedStateMachine):
    """The model: values by namespace and key, and a filter in plain Python."""

    def __init__(self, open_here: OpenStore) -> None:
        super().__init__()
        self._store = open_here()
        self._mine = self._store.memories.under((f"{uuid4()}",))
        self._runner = asyncio.Runner()
        self._model: dict[tuple[str, str], dict[str, Any]] = {}

    @rule(space=st.sampled_from("ab"), key=st.sampled_from("xyz"), value=st.sampled_from(VALUES))
    def put(self, space: str, key: str, value: dict[str, Any]) -> None:
        self._runner.run(self._mine.put((space,), key, value))
        self._model[space, key] = value

    @rule(space=st.sampled_from("ab"), key=st.sampled_from("xyz"))
    def delete(self, space: str, key: str) -> None:
        self._runner.run(self._mine.delete((space,), key))
        self._model.pop((space, key), None)

    @rule(space=st.sampled_from("ab"))
    def erase(self, space: str) -> None:
        self._runner.run(self._mine.erase((space,), scrub=False))
        self._model = {one: value for one, value in self._model.items() if one[0] != space}

    @rule(field=st.sampled_from(FIELDS))
    def declare(self, field: str) -> None:
        self._runner.run(self._store.memories.declare(field))

    @rule(field=st.sampled_from(FIELDS))
    def undeclare(self, field: str) -> None:
        self._runner.run(self._store.memories.undeclare(field))

    @rule()
    def reindex(self) -> None:
        self._runner.run(self._store.memories.reindex())

    @rule(one=_CONDITIONS, other=_CONDITIONS, limit=st.sampled_from([1, 100]))
    def read(self, one: dict[str, Any], other: dict[str, Any], limit: int) -> None:
        for wanted in (one, {"$and": [one, other]}):
            expected = sorted(place for place, value in self._model.items() if matches(wanted, value))
            found = self._runner.run(self._mine.list(filter=wanted, limit=limit))
            assert [(*memory.namespace, memory.key) for memory in found] == expected[:limit]
            assert self._runner.run(self._mine.count(filter=wanted)) == len(expected)

    def teardown(self) -> None:
        self._runner.run(self._store.close())
        self._runner.close()

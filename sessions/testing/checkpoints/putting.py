"""Putting and reading: the promises of one store about one thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from sessions.checkpoints.values import Place, Query
from sessions.errors import OwnerError, ThreadConflictError, ThreadGoneError
from sessions.testing.checkpoints.shared import PLACE, check_rows, contents, ids, new, write, writes

if TYPE_CHECKING:
    from sessions.checkpoints.values import Value
    from sessions.testing.checkpoints.shared import OpenThreads

_LONG = [{"text": f"message {number} " * 50} for number in range(20)]


class PuttingContract:
    """Put, put_writes, read."""

    async def test_the_highest_id_is_the_latest_checkpoint(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put(PLACE, new("5", None, {"a": 1}))
        await store.put(PLACE, new("3", "5", {"a": 2}))
        found = await store.read(PLACE)
        assert found is not None
        assert found.checkpoint_id == "5"
        assert (await store.read(Place("another"))) is None
        assert (await store.read(PLACE, "4")) is None

    async def test_what_is_remembered_is_read_as_others_have_changed_it(self, open_threads: OpenThreads) -> None:
        """Fails without: checkpoints/remembered.py, `is_current`."""
        store, other = open_threads(), open_threads()
        messages = [*_LONG, "mine"]
        await store.put(PLACE, new("1", None, {"a": _LONG}))
        await store.put(PLACE, new("2", "1", {"a": messages}, versions={"a": 2}))
        for read in (await store.read(PLACE), await store.read(PLACE, "2"), await other.read(PLACE)):
            assert read is not None
            assert contents(read) == {"a": messages}
        await other.put_writes(PLACE, "2", "t", "", [write(0, "a", [*messages, "more"])])
        found = await store.read(PLACE)
        assert found is not None
        assert [one[2] for one in writes(found)] == [[*messages, "more"]]
        await other.put(PLACE, new("2", "1", {"a": ["theirs"]}, versions={"a": 2}))
        for read in (await store.read(PLACE), await store.read(PLACE, "2")):
            assert read is not None
            assert contents(read) == {"a": ["theirs"]}
        await other.put(PLACE, new("3", "2", {"a": ["theirs", "again"]}, versions={"a": 3}))
        await other.prune(["t"])
        found = await store.read(PLACE)
        assert found is not None
        assert contents(found) == {"a": ["theirs", "again"]}
        assert await store.read(PLACE, "2") is None
        await other.delete("t")
        assert await store.read(PLACE) is None

    async def test_an_unchanged_value_is_not_serialized_again(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": _LONG, "b": "x"}))

        def never() -> Value:
            raise AssertionError

        second = new("2", "1", {"b": "y"}, versions={"a": 1, "b": 2})
        await store.put(PLACE, msgspec.structs.replace(second, unchanged={"a": never}))
        found = await open_threads().read(PLACE)
        assert found is not None
        assert contents(found) == {"a": _LONG, "b": "y"}

    async def test_a_value_that_the_parent_lacks_is_stored_although_it_counts_as_unchanged(
        self, open_threads: OpenThreads
    ) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": 1}))
        await store.put(PLACE, new("2", "1", {"a": 1, "b": _LONG}, versions={"a": 1, "b": 1}, unchanged=["a", "b"]))
        await open_threads(remembered=0).put(
            PLACE, new("3", "2", {"a": 2, "b": _LONG[:3]}, versions={"a": 1, "b": 9}, unchanged=["a", "b"])
        )
        found = [contents(one) async for one in store.list(Query(thread_id="t"))]
        assert found == [{"a": 1, "b": _LONG[:3]}, {"a": 1, "b": _LONG}, {"a": 1}]

    async def test_a_fork_leaves_the_other_way_as_it_was(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        for number in range(1, 6):
            parent_id = str(number - 1) if number > 1 else None
            await store.put(PLACE, new(str(number), parent_id, {"a": _LONG[:number]}, versions={"a": number}))
        for parent_id, checkpoint_id in (("2", "6"), ("2", "7"), ("5", "8"), ("7", "9")):
            before = _LONG[: int(parent_id)] if parent_id < "6" else [*_LONG[:2], "7"]
            await store.put(PLACE, new(checkpoint_id, parent_id, {"a": [*before, checkpoint_id]}, versions={"a": 9}))
        found = {one.checkpoint_id: contents(one)["a"] async for one in open_threads().list(Query(thread_id="t"))}
        assert found == {str(number): _LONG[:number] for number in range(1, 6)} | {
            "6": [*_LONG[:2], "6"],
            "7": [*_LONG[:2], "7"],
            "8": [*_LONG[:5], "8"],
            "9": [*_LONG[:2], "7", "9"],
        }

    async def test_writes_may_come_before_their_checkpoint(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put_writes(PLACE, "1", "task", "path", [write(0, "a", _LONG), write(1, "b", None)])
        assert await store.read(PLACE) is None
        await store.put(PLACE, new("1", None, {"a": 1}))
        found = await store.read(PLACE)
        assert found is not None
        assert writes(found) == [("task", "a", _LONG, "path", 0), ("task", "b", None, "path", 1)]

    async def test_writes_are_ordered_by_path_and_task_and_number(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": 1}))
        await store.put_writes(PLACE, "1", "x", "é", [write(0, "a", 0)])
        await store.put_writes(PLACE, "1", "b", "z", [write(10, "a", 1), write(2, "a", 2), write(-1, "a", 3)])
        await store.put_writes(PLACE, "1", "Z", "z", [write(0, "a", 4)])
        await store.put_writes(PLACE, "1", "a", "Ä", [write(0, "a", 5)])
        found = await store.read(PLACE)
        assert found is not None
        assert [one[2] for one in writes(found)] == [4, 3, 2, 1, 5, 0]

    async def test_a_repeated_write_adds_what_is_missing_and_replaces_special_ones(
        self, open_threads: OpenThreads
    ) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": _LONG}))
        await store.put_writes(PLACE, "1", "t", "", [write(0, "a", [*_LONG, "first"]), write(-1, "e", "first")])
        again = [write(0, "a", "second"), write(1, "a", [*_LONG, "second"]), write(-1, "e", "second")]
        await open_threads().put_writes(PLACE, "1", "t", "", again)
        found = await store.read(PLACE)
        assert found is not None
        assert [one[2] for one in writes(found)] == ["second", [*_LONG, "first"], [*_LONG, "second"]]

    async def test_writes_stay_when_their_checkpoint_is_put_again(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": _LONG}))
        await store.put_writes(PLACE, "1", "t", "", [write(0, "a", [*_LONG, "more"])])
        await store.put(PLACE, new("1", None, {"a": "another"}))
        await store.put_writes(PLACE, "1", "u", "", [write(0, "a", [*_LONG, "still more"])])
        found = await store.read(PLACE)
        assert found is not None
        assert contents(found) == {"a": "another"}
        assert [one[2] for one in writes(found)] == [[*_LONG, "more"], [*_LONG, "still more"]]
        await check_rows(store)

    async def test_a_difference_is_not_stored_against_a_checkpoint_that_another_store_put_again(
        self, open_threads: OpenThreads
    ) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": _LONG}))
        await open_threads().put(PLACE, new("1", None, {"a": ["another"]}))
        await store.put_writes(PLACE, "1", "t", "", [write(0, "a", [*_LONG, "more"])])
        found = await store.read(PLACE)
        assert found is not None
        assert [one[2] for one in writes(found)] == [[*_LONG, "more"]]

    async def test_bytes_grow_with_what_is_new(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        messages: list[object] = []
        for number in range(60):
            messages = [*messages, {"text": f"message {number} " * 50}]
            parent_id = f"{number - 1:03}" if number else None
            await store.put(PLACE, new(f"{number:03}", parent_id, {"a": messages}, versions={"a": number}))
            await store.put_writes(PLACE, f"{number:03}", "t", "", [write(0, "a", [*messages, "an answer"])])
        pruned = await store.prune(["t"], dry_run=True)
        assert (pruned.checkpoints, pruned.writes) == (59, 59)
        new_bytes = sum(len(str(one)) for one in messages)
        assert (await store.erase("t", scrub=False))[0].rows["pieces"] == 60
        assert pruned.bytes < new_bytes + 59 * 600

    async def test_writes_that_come_after_the_next_checkpoint_are_as_short(self, open_threads: OpenThreads) -> None:
        """Fails without: checkpoints/put.py and checkpoints/fast/postgres.py, `behind`."""
        store = open_threads()
        document = "".join(f"line {number} of a document\n" for number in range(4000))
        for number in range(4):
            text = document.replace("line 5 ", f"line {number} ")
            parent_id = f"{number - 1}" if number else None
            await store.put(PLACE, new(f"{number}", parent_id, {"a": text}, versions={"a": number}))
        await store.put_writes(PLACE, "2", "t", "", [write(0, "a", f"{document}late")])
        found = await store.read(PLACE, "2")
        assert found is not None
        assert [one[2] for one in writes(found)] == [f"{document}late"]
        assert (await store.prune(["t"], dry_run=True)).bytes < 2000

    async def test_late_writes_at_a_checkpoint_that_is_pruned_are_left_out(self, open_threads: OpenThreads) -> None:
        store, other = open_threads(), open_threads()
        await store.put(PLACE, new("1", None, {"a": _LONG}))
        await store.put(PLACE, new("2", "1", {"a": [*_LONG, "2"]}, versions={"a": 2}))
        await other.prune(["t"])
        await store.put_writes(PLACE, "1", "t", "", [write(0, "a", [*_LONG, "late"])])
        await other.put(PLACE, new("1", None, {"a": ["another"]}))
        await store.put_writes(PLACE, "1", "u", "", [write(0, "a", [*_LONG, "later"])])
        found = await store.read(PLACE, "1")
        assert found is not None
        assert [one[2] for one in writes(found)] == [[*_LONG, "later"]]
        await check_rows(store)

    async def test_a_run_whose_thread_is_deleted_is_told(self, open_threads: OpenThreads) -> None:
        store, other = open_threads(), open_threads()
        await store.put(PLACE, new("1", None, {"a": 1}))
        await other.delete("t")
        for late in (
            store.put(PLACE, new("2", "1", {"a": 2})),
            store.put_writes(PLACE, "1", "t", "", [write(0, "a", 1)]),
        ):
            with pytest.raises(ThreadGoneError, match="'t' was deleted"):
                await late
        assert await other.read(PLACE) is None
        # Another run begins the thread again; the first one still does not belong to it.
        await other.put(PLACE, new("3", None, {"a": 3}))
        with pytest.raises(ThreadGoneError):
            await store.put(PLACE, new("2", "1", {"a": 2}))
        assert await ids(store, Query(thread_id="t")) == ["3"]

    async def test_what_a_refused_run_still_writes_does_not_bring_the_thread_back(
        self, open_threads: OpenThreads
    ) -> None:
        store, other = open_threads(), open_threads()
        await store.put(PLACE, new("1", None, {"a": 1}))
        await other.delete("t")
        with pytest.raises(ThreadGoneError):
            await store.put(PLACE, new("2", "1", {"a": 2}))
        for checkpoint_id in ("2", "3"):
            # The second is written before it is put, and would be put after the first.
            with pytest.raises(ThreadGoneError, match="'t' was deleted"):
                await store.put_writes(PLACE, checkpoint_id, "t", "", [write(0, "a", 1)])
        assert await other.threads() == []
        # A new run may write before its second checkpoint is put.
        await store.put(PLACE, new("4", None, {"a": 4}))
        await store.put_writes(PLACE, "5", "t", "", [write(0, "a", 5)])
        await store.put(PLACE, new("5", "4", {"a": 5}))
        found = await other.read(PLACE)
        assert found is not None
        assert writes(found) == [("t", "a", 5, "", 0)]

    async def test_a_second_run_on_a_thread_is_refused_if_asked_for(self, open_threads: OpenThreads) -> None:
        store, other = open_threads(), open_threads()
        await store.put(PLACE, new("1", None, {"a": 1}))
        second = new("2", "1", {"a": 2}, follows_last=True)
        await store.put(PLACE, second)
        await store.put(PLACE, second)
        with pytest.raises(ThreadConflictError, match="'2'"):
            await other.put(PLACE, new("3", "1", {"a": 3}, follows_last=True))
        await other.put(PLACE, new("3", "1", {"a": 3}))
        assert await ids(store, Query(thread_id="t")) == ["3", "2", "1"]

    async def test_another_owner_is_refused(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        mine, theirs = Place("t", "", "ann\x01"), Place("t", "", "bob\x01")
        await store.put(mine, new("1", None, {"a": 1}))
        for refused in (
            store.put(theirs, new("2", "1", {"a": 2})),
            store.put_writes(theirs, "1", "t", "", [write(0, "a", 1)]),
            store.read(theirs),
            store.history(theirs, None, ["a"]),
            store.delete("t", "bob\x01"),
            store.prune(["t"], owner="bob\x01"),
            store.copy("t", "u", "bob\x01"),
            store.set_ttl("t", 1, "bob\x01"),
        ):
            with pytest.raises(OwnerError, match="'t'"):
                await refused
        assert await ids(store, Query(owner="bob\x01")) == []
        assert await ids(store, Query(owner="ann\x01")) == ["1"]
        assert await store.read(Place("t")) is not None

    async def test_many_stores_put_into_one_thread_at_once(self, open_threads: OpenThreads) -> None:
        stores = [open_threads(remembered=0 if number % 2 else 1 << 20) for number in range(4)]
        await stores[0].put(PLACE, new("0", None, {"a": _LONG}))

        async def run(number: int) -> None:
            parent_id, messages = "0", list[Any](_LONG)
            for step in range(6):
                checkpoint_id = f"{step + 1}-{number}"
                messages = [*messages, f"{checkpoint_id} " * 300]
                place = Place("t", "" if step % 2 else f"n:{number % 2}")
                await stores[number].put_writes(PLACE, parent_id, f"{number}", "", [write(0, "a", messages)])
                await stores[number].put(place, new(f"n{checkpoint_id}", None, {"a": messages}))
                await stores[number].put(
                    PLACE, new(checkpoint_id, parent_id, {"a": messages}, versions={"a": step + 2})
                )
                parent_id = checkpoint_id

        await asyncio.gather(*map(run, range(4)))
        for number in range(4):
            found = await stores[number - 1].read(PLACE, f"6-{number}")
            assert found is not None
            assert contents(found)["a"] == [*_LONG, *(f"{step + 1}-{number} " * 300 for step in range(6))]
        await check_rows(stores[0])

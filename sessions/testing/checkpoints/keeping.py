"""Keeping: pruning, channels that are rebuilt, copies, time to live, lists of threads, erasing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.checkpoints.runs import Run
from sessions.checkpoints.values import Place, Query
from sessions.errors import ThreadExistsError, ThreadGoneError
from sessions.testing.checkpoints.shared import PLACE, check_rows, contents, ids, new, value, write
from sessions.testing.fixtures import WithClock

if TYPE_CHECKING:
    from sessions.store.threads import ThreadStore
    from sessions.testing.checkpoints.shared import OpenThreads
    from sessions.testing.expiry_model import MovableClock

_SECOND = 1_000_000


async def _chain(store: ThreadStore, count: int, place: Place = PLACE, **others: Any) -> None:
    for number in range(1, count + 1):
        parent_id = str(number - 1) if number > 1 else None
        values = {"a": [f"{one} " * 200 for one in range(number)]}
        await store.put(place, new(str(number), parent_id, values, versions={"a": number}, **others))


def _remembered(store: ThreadStore) -> list[str]:
    """Return the threads whose values a store remembers."""
    return [thread_id for thread_id, _ in store._remembered._states]  # noqa: SLF001 - no result shows it


class KeepingContract(WithClock):
    """Threads that grow old."""

    async def test_pruning_keeps_the_latest(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await _chain(store, 5)
        said = await store.prune(["t"], keep_last=2, dry_run=True)
        assert await ids(store, Query(thread_id="t")) == list("54321")
        assert await store.prune(["t"], keep_last=2) == said
        assert said.checkpoints == 3
        assert await ids(store, Query(thread_id="t")) == list("54")
        found = await open_threads().read(PLACE)
        assert found is not None
        assert (found.parent_id, len(contents(found)["a"])) == ("4", 5)
        await store.put(PLACE, new("6", "5", {"a": ["x"]}, versions={"a": 6}))
        assert (await store.prune(["t", "missing"])).checkpoints == 2
        await check_rows(store)

    async def test_pruning_by_age(self, open_threads: OpenThreads, time: MovableClock) -> None:
        store = open_threads()
        await _chain(store, 2)
        time.move(100)
        cut = int(time.seconds) * _SECOND
        await store.put(PLACE, new("3", "2", {"a": 1}))
        await store.put(PLACE, new("4", "3", {"a": 1}))
        assert (await store.prune(["t"], older_than=cut)).checkpoints == 2
        assert await ids(store, Query(thread_id="t")) == list("43")

    async def test_a_call_goes_with_the_checkpoint_it_began_at(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await _chain(store, 2)
        await _chain(store, 2, Place("t", "n:first"), root_id="1")
        await _chain(store, 2, Place("t", "n:second"), root_id="2")
        await _chain(store, 2, Place("t", "n:early"), root_id="3")
        await _chain(store, 2, Place("t", "kept"))
        pruned = await store.prune(["t"])
        found = [(one.ns, one.checkpoint_id) async for one in store.list(Query(thread_id="t"))]
        assert sorted(found) == [("", "2"), ("kept", "2"), ("n:early", "2"), ("n:second", "2")]
        assert pruned.checkpoints == 6
        with pytest.raises(ThreadGoneError):
            await store.put(Place("t", "n:first"), new("3", "2", {"a": 1}))
        await check_rows(store)

    async def test_what_a_channel_is_rebuilt_from_stays(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": 1}))
        await store.put(PLACE, new("2", "1", {"a": 1, "log": ["seed"]}, versions={"a": 1, "log": 1}))
        for number in range(3, 7):
            parent_id = str(number - 1)
            await store.put_writes(PLACE, parent_id, "t", "", [write(0, "log", [parent_id]), write(1, "a", number)])
            versions = {"a": number, "log": number}
            given = new(str(number), parent_id, {"a": number}, versions=versions, replayed=["log", "never written"])
            await store.put(PLACE, given)
        before = await store.history(PLACE, None, ["log", "a", "other"])
        assert before["log"].seed == value(["seed"])
        assert [one.value for one in before["log"].writes] == [value([str(number)]) for number in range(2, 6)]
        assert before["a"].seed == value(5)
        assert [one.value for one in before["a"].writes] == [value(6)]
        assert before["other"] == ([], None)
        pruned = await store.prune(["t"])
        assert (pruned.checkpoints, pruned.kept) == (1, 4)
        assert await ids(store, Query(thread_id="t")) == ["6"]
        assert await store.read(PLACE, "4") is None
        assert (await store.history(PLACE, None, ["log"]))["log"] == before["log"]
        await store.copy("t", "u")
        assert (await store.history(Place("u"), "6", ["log"]))["log"] == before["log"]
        # With a whole value behind them, they are needed no longer.
        await store.put(PLACE, new("7", "6", {"a": 7, "log": ["whole"]}, versions={"a": 7, "log": 7}))
        assert (await store.prune(["t"])).checkpoints == 5
        await check_rows(store)

    async def test_a_copy_stands_by_itself(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await _chain(store, 4)
        await _chain(store, 2, Place("t", "n:1"))
        await store.put(PLACE, new("5", "2", {"a": ["fork"]}, versions={"a": 5}))
        await store.put_writes(PLACE, "5", "t", "p", [write(0, "a", ["fork", "more"])])
        before = [one async for one in store.list(Query(thread_id="t"))]
        await store.copy("t", "u")
        with pytest.raises(ThreadExistsError, match="'u'"):
            await store.copy("t", "u")
        await store.copy("missing", "v")
        assert await store.read(Place("v")) is None
        await store.delete("t")
        after = [one async for one in open_threads().list(Query(thread_id="u"))]
        assert [(one.ns, one.checkpoint_id, one.parent_id, one.values, one.writes) for one in after] == [
            (one.ns, one.checkpoint_id, one.parent_id, one.values, one.writes) for one in before
        ]
        await store.put(Place("u"), new("6", "4", {"a": ["x"]}, versions={"a": 9}))
        await check_rows(store)

    async def test_runs_are_deleted_with_their_writes(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        for number, run in enumerate("abab", 1):
            parent_id = str(number - 1) if number > 1 else None
            await store.put(PLACE, new(str(number), parent_id, {"a": list(range(number))}, run_id=run))
            await store.put(Place("u"), new(str(number), parent_id, {"a": ["x" * 100] * number}, run_id=run))
        await store.delete_for_runs(["a", "missing"])
        await store.delete_for_runs([])
        assert await ids(store, Query()) == list("4422")
        found = await store.read(PLACE)
        assert found is not None
        assert found.parent_id == "3"
        await check_rows(store)

    async def test_runs_of_an_owner_leave_the_threads_of_others(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        for thread_id, owner in (("anns", "ann\x01"), ("bobs", "bob\x01"), ("nobodys", None)):
            await store.put(Place(thread_id, "", owner), new("1", None, {"a": [1]}, run_id="r"))
        await store.delete_for_runs(["r"], "ann\x01")
        left = [one.thread_id async for one in store.list(Query())]
        assert sorted(left) == ["bobs", "nobodys"]
        await store.delete_for_runs(["r"])
        assert await ids(store, Query()) == []
        await check_rows(store)

    async def test_a_thread_expires_as_a_whole(self, open_threads: OpenThreads, time: MovableClock) -> None:
        store = open_threads(ttl=10 * _SECOND)
        await _chain(store, 2)
        time.move(6)
        await store.put(Place("t", "n"), new("1", None, {"a": 1}))
        time.move(6)
        assert await store.read(PLACE) is not None
        assert [row.thread_id for row in await store.threads()] == ["t"]
        time.move(4)
        assert await store.read(PLACE) is None
        assert await ids(store, Query(thread_id="t")) == []
        assert await store.threads() == []
        assert [row.thread_id for row in await store.threads(expired=True)] == ["t"]
        assert await store.purge_expired() == 1
        assert await store.purge_expired() == 0
        await check_rows(store)

    async def test_an_expired_thread_begins_anew(self, open_threads: OpenThreads, time: MovableClock) -> None:
        store = open_threads(ttl=10 * _SECOND)
        await _chain(store, 2)
        await _chain(store, 1, Place("kept"))
        assert await store.set_ttl("kept", None)
        assert not await store.set_ttl("missing", None)
        time.move(10)
        await open_threads().put(PLACE, new("9", None, {"a": 1}))
        assert await ids(store, Query(thread_id="t")) == ["9"]
        assert await ids(store, Query(thread_id="kept")) == ["1"]
        await check_rows(store)

    async def test_a_run_brings_nothing_back(self, open_threads: OpenThreads, time: MovableClock) -> None:
        store, other = open_threads(ttl=10 * _SECOND), open_threads()
        within = Place("t", "n:1")

        async def late(put: Place, wrote: Place, checkpoint_id: str, parent_id: str | None) -> None:
            with pytest.raises(ThreadGoneError, match="'t' was deleted"):
                await store.put_writes(wrote, checkpoint_id, "t", "", [write(0, "a", 1)])
            with pytest.raises(ThreadGoneError):
                await store.put(put, new(checkpoint_id, parent_id, {"a": 2}))
            assert await other.threads() == []

        for run, end in enumerate(("delete", "erase", "expire")):
            # A new run finds that the thread is missing. It may write before its checkpoint is put.
            assert await store.read(PLACE) is None
            await store.put_writes(PLACE, f"{run}1", "t", "", [write(0, "a", 1)])
            await store.put(PLACE, new(f"{run}1", None, {"a": 1}))
            if end == "delete":
                await other.delete("t")
            elif end == "erase":
                await other.erase("t", scrub=False)
            else:
                time.move(10)
            # Nobody waits for a put: the run writes at checkpoints that are put later, and at those that never are.
            await late(within, within, f"{run}1", None)
            await late(PLACE, PLACE, f"{run}2", f"{run}1")
            await late(PLACE, PLACE, f"{run}3", f"{run}2")
            # The same store looks at the thread for somebody else. The run that was refused stays refused.
            assert await store.read(PLACE) is None
            await late(PLACE, PLACE, f"{run}3", f"{run}2")
        await check_rows(store)

    async def test_a_run_writes_at_checkpoints_that_are_put_later(self, open_threads: OpenThreads) -> None:
        """Fails without: checkpoints/put_writes.py, `was_put` apart from `seen`."""
        store, run = open_threads(remembered=0), Run()
        await store.put(PLACE, new("1", None, {"a": 1}), run=run)
        await store.put_writes(PLACE, "2", "t", "", [write(0, "a", 2)], run=run)
        await store.put(PLACE, new("2", "1", {"a": 2}), run=run)
        found = await open_threads().read(PLACE)
        assert found is not None
        assert [one.value for one in found.writes] == [value(2)]

    async def test_a_run_knows_its_thread_by_itself(self, open_threads: OpenThreads) -> None:
        """Another one of the same id is not its own, whatever this store has been told of it since.

        Fails without: store/threads.py, `_seen`; checkpoints/runs.py, `refused`.
        """
        store, other, run, within = open_threads(), open_threads(), Run(), Place("t", "n:1")
        await store.put(PLACE, new("1", None, {"a": 1}))
        assert await store.read(PLACE, run=run) is not None
        await other.delete("t")
        await other.put(PLACE, new("9", None, {"a": 9}))
        assert await store.read(PLACE) is not None
        for place in (PLACE, within, within):
            with pytest.raises(ThreadGoneError, match="'t' was deleted"):
                await store.put_writes(place, "2", "t", "", [write(0, "a", 2)], run=run)
            with pytest.raises(ThreadGoneError):
                await store.put(place, new("2", None, {"a": 2}), run=run)
        assert await ids(other, Query(thread_id="t")) == ["9"]
        # A run of its own goes on with what is there.
        await store.put(PLACE, new("10", "9", {"a": 9}), run=Run())
        await check_rows(store)

    async def test_threads_are_listed_page_by_page(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        for number in range(5):
            owner = "ann\x01" if number % 2 else None
            await _chain(store, number + 1, Place(f"t{number}", "", owner))
        await store.put(Place("t0", "n"), new("9", None, {"a": 1}))
        await store.put_writes(Place("only writes"), "1", "t", "", [write(0, "a", 1)])
        first = await store.threads(limit=2)
        second = await store.threads(limit=9, after=first[-1].cursor)
        assert [row.thread_id for row in (*first, *second)] == ["only writes", "t4", "t3", "t2", "t1", "t0"]
        assert (first[0].checkpoint_id, first[0].metadata) == (None, None)
        last = second[-1]
        assert (last.checkpoint_id, last.metadata, last.namespaces) == ("1", b"metadata of 1", 2)
        assert [row.thread_id for row in await store.threads(owners=("ann\x01", "ann\x02"))] == ["t3", "t1"]
        assert [row.thread_id for row in await store.threads(prefix="only")] == ["only writes"]
        with pytest.raises(ValueError, match="cursor"):
            await store.threads(after="t3")

    async def test_a_list_has_what_is_asked_for(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        for number in range(70):
            await store.put(Place("t", f"n{number % 2}"), new(f"{number:02}", None, {"a": [number]}))
        assert len(await ids(store, Query(thread_id="t"))) == 70
        assert await ids(store, Query(ns="n1", before="10", limit=2)) == ["09", "07"]
        assert await ids(store, Query(checkpoint_id="33")) == ["33"]

        def matches(metadata: bytes) -> bool:
            return metadata.endswith(b"5")

        found = [one.checkpoint_id async for one in store.list(Query(thread_id="t", limit=6), matches)]
        assert found == ["65", "55", "45", "35", "25", "15"]

    async def test_erasing_counts_the_rows(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        await _chain(store, 3)
        await _chain(store, 1, Place("t", "n"))
        await store.put_writes(PLACE, "3", "t", "", [write(0, "a", 1), write(-1, "e", 1)])
        removed, pending = await store.erase("t", scrub=False)
        assert removed.rows == {"threads": 1, "lines": 2, "checkpoints": 4, "pieces": 4, "writes": 2}
        assert pending
        assert (await store.erase("t", scrub=False))[0].rows["threads"] == 0
        await check_rows(store)

    @pytest.mark.parametrize("how", ["erase", "delete"])
    async def test_a_thread_that_is_gone_is_in_no_memory(self, open_threads: OpenThreads, how: str) -> None:
        store = open_threads()
        for place in (PLACE, Place("t", "n"), Place("other")):
            await _chain(store, 2, place)
        assert store._remembered.get(PLACE) is not None  # noqa: SLF001 - no result shows it
        await (store.erase("t", scrub=False) if how == "erase" else store.delete("t"))
        assert _remembered(store) == ["other"]
        # Late writes are refused all the same.
        with pytest.raises(ThreadGoneError):
            await store.put_writes(PLACE, "2", "t", "", [write(0, "a", 1)])
        await check_rows(store)

    async def test_expired_threads_and_deleted_runs_are_in_no_memory(
        self, open_threads: OpenThreads, time: MovableClock
    ) -> None:
        store, expiring = open_threads(), open_threads(ttl=10 * _SECOND)
        await _chain(expiring, 2)
        await _chain(store, 1, Place("u"), run_id="r")
        await _chain(store, 1, Place("v"), run_id="s")
        await store.delete_for_runs(["r"])
        assert _remembered(store) == ["v"]
        time.move(11)
        assert await expiring.purge_expired() == 1
        assert _remembered(expiring) == []

    @pytest.mark.parametrize("thread_id", ["", "a" * 1025, "a\0b", "\ud800", 5])
    async def test_an_id_that_cannot_be_stored_is_refused(self, open_threads: OpenThreads, thread_id: str) -> None:
        store = open_threads()
        with pytest.raises((ValueError, TypeError), match="thread_id"):
            await store.put(Place(thread_id), new("1", None, {"a": 1}))
        with pytest.raises((ValueError, TypeError), match="thread_id"):
            await store.read(Place(thread_id))

    @pytest.mark.parametrize("task_path", ["a\0b", "\ud800", "a" * 65_536, 5, None])
    async def test_a_path_that_cannot_be_stored_is_refused(self, open_threads: OpenThreads, task_path: str) -> None:
        store = open_threads()
        await store.put(PLACE, new("1", None, {"a": 1}))
        with pytest.raises((ValueError, TypeError), match="task_path"):
            await store.put_writes(PLACE, "1", "t", task_path, [write(0, "a", 1)])
        found = await store.read(PLACE)
        assert found is not None
        assert not found.writes

    async def test_ids_are_compared_byte_by_byte(self, open_threads: OpenThreads) -> None:
        store = open_threads()
        names = ["a", "A", "a ", "ä", "a\u0308", "a%", "a_", "a'"]
        for name in names:
            await store.put(Place(name, name), new(name, None, {name: name}))
        for name in names:
            found = [(one.ns, one.checkpoint_id, contents(one)) async for one in store.list(Query(thread_id=name))]
            assert found == [(name, name, {name: name})]
        await store.delete("a")
        assert {row.thread_id for row in await store.threads()} == set(names[1:])

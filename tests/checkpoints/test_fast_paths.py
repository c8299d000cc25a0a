"""On Postgres, each operation of a run is one statement, or a transaction where others have changed the line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import open_store
from sessions.checkpoints import remembered
from sessions.checkpoints.runs import Run
from sessions.checkpoints.values import Place
from sessions.errors import ThreadGoneError, ThreadOwnerError
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.shared import PLACE, check_rows, check_verified, contents, new, write, writes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sql.counts import Counts
    from tests.sql.databases import Lend
    from tests.sql.servers import Postgres


@pytest.fixture
async def url(postgres: Postgres, lend: Lend) -> str:
    return lend(postgres)


@pytest.fixture
async def store(url: str) -> AsyncIterator[ThreadStore]:
    async with open_store(url, create_tables=True) as opened:
        threads = ThreadStore(opened._backend)
        yield threads
        await threads.aclose()


async def _chat(store: ThreadStore, first: int, last: int) -> list[dict[str, str]]:
    messages = [{"text": f"message {number} " * 20} for number in range(first)]
    for number in range(first, last):
        parent_id = f"{number - 1:04}" if number else None
        messages = [*messages, {"text": f"message {number} " * 20}]
        given = new(
            f"{number:04}", parent_id, {"messages": messages, "name": "x" * 60, "count": number},
            versions={"messages": number, "name": 1, "count": number}, unchanged=["name"] if number else [],
        )  # fmt: skip
        await store.put(PLACE, given)
        await store.put_writes(
            PLACE, given.checkpoint_id, "task", "", [write(0, "messages", messages), write(-1, "e", 1)]
        )
    return messages


@pytest.mark.usefixtures("no_upkeep")
async def test_each_step_of_a_chat_is_one_statement(store: ThreadStore, counts: Counts) -> None:
    """Fails without: checkpoints/component.py, `fast`."""
    await _chat(store, 0, 3)
    counts.taken()
    await _chat(store, 3, 40)
    assert counts.taken() == (2 * 37, 0)
    found = await store.read(PLACE)
    assert counts.taken() == (1, 0)
    assert found is not None
    assert len(contents(found)["messages"]) == 40
    assert len(writes(found)) == 2
    assert await store.read(PLACE, "0007") is not None
    assert counts.taken() == (1, 0)
    await check_rows(store)


@pytest.mark.usefixtures("no_upkeep")
async def test_a_new_thread_is_one_statement(url: str, store: ThreadStore, counts: Counts) -> None:
    """Fails without: checkpoints/fast/postgres.py, `begin`."""
    await _chat(store, 0, 1)
    counts.taken()
    values = {"a": [f"message {number} " * 20 for number in range(5)], "b": "x" * 100, "c": 1}
    place, within = Place("new", "", "ann\x01"), Place("call", "node:1")
    await store.put(place, new("1", None, values, run_id="run"))
    await store.put_writes(place, "1", "task", "", [write(0, "a", ["more"])])
    await store.put(within, new("1", None, {}, root_id="0"))
    assert counts.taken() == (3, 0)
    # One that is there is left to the command.
    await store.put(Place("new", "", "ann\x01"), new("2", None, {"a": "y" * 100}))
    assert counts.taken() == (1, 1)
    await store.put(place, new("3", "2", {"a": "z" * 100}, versions={"a": 3}))
    async with open_store(url) as opened:
        other = ThreadStore(opened._backend)
        for number, wanted in (("1", values), ("2", {"a": "y" * 100}), ("3", {"a": "z" * 100})):
            found = await other.read(place, number)
            assert found is not None
            assert (contents(found), found.owner) == (wanted, "ann\x01")
        found = await other.read(place, "1")
        assert found is not None
        assert [one[2] for one in writes(found)] == [["more"]]
        assert found.run_id == "run"
        assert await other.read(within) is not None
        with pytest.raises(ThreadOwnerError):
            await other.put(Place("new", "", "bob\x01"), new("9", None, {"a": 1}))
        await other.aclose()
    await check_verified(store)
    await check_rows(store)


async def test_threads_that_two_processes_begin_at_once(url: str, store: ThreadStore) -> None:
    """Fails without: checkpoints/fast/statements.py, `on conflict (thread_id) do nothing`."""
    async with open_store(url) as opened:
        other = ThreadStore(opened._backend)
        await asyncio.gather(
            *(
                one.put(Place(f"t{number}"), new(f"{who}", None, {"a": [f"{who} " * 100]}))
                for number in range(40)
                for who, one in enumerate((store, other))
            )
        )
        for number in range(40):
            for who in range(2):
                found = await store.read(Place(f"t{number}"), f"{who}")
                assert found is not None
                assert contents(found) == {"a": [f"{who} " * 100]}
        await other.aclose()
    await check_rows(store)


@pytest.mark.usefixtures("no_upkeep")
async def test_late_writes_are_one_statement(store: ThreadStore, counts: Counts) -> None:
    """Fails without: checkpoints/fast/postgres.py, `behind`."""
    messages = await _chat(store, 0, 4)
    counts.taken()
    await store.put_writes(PLACE, "0002", "late", "", [write(0, "messages", messages)])
    assert counts.taken() == (1, 0)
    found = await store.read(PLACE, "0002")
    assert found is not None
    assert [one[2] for one in writes(found) if one[0] == "late"] == [messages]


@pytest.mark.usefixtures("no_upkeep")
async def test_another_process_goes_on_in_one_statement_each(url: str, store: ThreadStore, counts: Counts) -> None:
    """Fails without: checkpoints/fast/statements.py, the ends of chains."""
    await _chat(store, 0, 10)
    async with open_store(url) as opened:
        other = ThreadStore(opened._backend)
        found = await other.read(PLACE)
        counts.taken()
        messages = await _chat(other, 10, 20)
        assert counts.taken() == (20, 0)
        await other.aclose()
    # The first one has not seen that: its put is refused by the line's number, and does it in a transaction.
    given = new("9999", "0009", {"messages": messages[:11]}, versions={"messages": 99})
    await store.put(PLACE, given)
    assert counts.taken() == (1, 1)
    found = await store.read(PLACE)
    assert found is not None
    assert contents(found)["messages"] == messages[:11]
    await check_rows(store)


@pytest.mark.parametrize("operation", ["put", "put_writes"])
@pytest.mark.usefixtures("no_upkeep")
async def test_a_statement_that_waited_for_another_change_does_nothing(
    url: str, store: ThreadStore, counts: Counts, operation: str
) -> None:
    """Fails without: checkpoints/fast/statements.py, `l.next_number = $2`."""
    messages = await _chat(store, 0, 5)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("update agent_checkpoints_lines set next_number = next_number + 1"))
        counts.taken()
        if operation == "put":
            values = {"messages": [*messages, {"text": "late"}]}
            late = asyncio.ensure_future(store.put(PLACE, new("0005", "0004", values, versions={"messages": 5})))
        else:
            late = asyncio.ensure_future(store.put_writes(PLACE, "0004", "late", "", [write(0, "messages", messages)]))
        waits = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
        while not (await connection.execute(waits)).scalar_one():
            await asyncio.sleep(0.01)
    await late
    await engine.dispose()
    assert counts.taken() == (1, 1)
    found = await store.read(PLACE)
    assert found is not None
    assert [one[2] for one in writes(found) if one[0] == "late"] == ([] if operation == "put" else [messages])
    await check_rows(store)


async def _step(store: ThreadStore, thread: int, number: int) -> None:
    place, messages = Place(f"t{thread}"), [f"message {one} of {thread} " * 9 for one in range(number + 1)]
    parent_id = f"{number - 1:04}" if number else None
    await store.put(place, new(f"{number:04}", parent_id, {"a": messages}, versions={"a": number}))
    given = [write(0, "a", [*messages, "more"]), write(-1, "e", number)]
    await asyncio.gather(
        store.put_writes(place, f"{number:04}", "one", "", given),
        store.put_writes(place, f"{number:04}", "two", "", given[:1]),
    )


@pytest.mark.usefixtures("no_upkeep")
async def test_waiting_steps_of_many_threads_go_together(store: ThreadStore, counts: Counts) -> None:
    """Fails without: checkpoints/fast/sending.py, `together`."""
    for number in range(3):
        await asyncio.gather(*(_step(store, thread, number) for thread in range(40)))
    counts.taken()
    for number in range(3, 8):
        await asyncio.gather(*(_step(store, thread, number) for thread in range(40)))
    alone, transactions = counts.taken()
    # 5 puts and 10 writes of 40 threads each.
    assert transactions == 0
    assert alone < 100
    for thread in range(40):
        found = await store.read(Place(f"t{thread}"))
        assert found is not None
        messages = [f"message {one} of {thread} " * 9 for one in range(8)]
        assert contents(found) == {"a": messages}
        assert [one[2] for one in writes(found)] == [7, [*messages, "more"], [*messages, "more"]]
    await check_rows(store)


async def test_one_that_is_refused_leaves_the_others_of_its_group(url: str, store: ThreadStore) -> None:
    """Fails without: checkpoints/fast/sending.py, `is_settled`."""
    async with open_store(url) as opened:
        other = ThreadStore(opened._backend)
        for number in range(3):
            await asyncio.gather(*(_step(store, thread, number) for thread in range(20)))
        # Moved, gone, another owner's, there already: none of them is as the first store remembers it.
        await other.put(Place("t1"), new("0003", "0002", {"a": ["theirs"]}, versions={"a": 3}))
        await other.delete("t2")
        again = store.put(Place("t3"), new("0001", "0002", {"a": ["again"]}, versions={"a": 3}))
        theirs = store.put(Place("t4", "", "ann\x01"), new("0003", "0002", {"a": []}, versions={"a": 3}))
        steps = [_step(store, thread, 3) for thread in range(20) if thread not in (3, 4)]
        results = await asyncio.gather(again, theirs, *steps, return_exceptions=True)
        failed = [type(one) for one in results if one is not None]
        assert failed == [ThreadOwnerError, ThreadGoneError]
        assert await other.read(Place("t2")) is None
        for thread in range(5, 20):
            found = await other.read(Place(f"t{thread}"))
            assert found is not None
            assert contents(found)["a"][-1].startswith(f"message 3 of {thread}")
        found = await other.read(Place("t3"), "0001")
        assert found is not None
        assert contents(found) == {"a": ["again"]}
        await other.aclose()
    await check_rows(store)


async def test_groups_of_several_processes_wait_for_each_other(url: str, store: ThreadStore) -> None:
    """Fails without: checkpoints/fast/statements.py, `order by l.id`."""
    async with open_store(url) as opened:
        other = ThreadStore(opened._backend)
        await asyncio.gather(*(_step(store, thread, 0) for thread in range(30)))
        for number in range(1, 6):
            for thread in range(30):
                await other.read(Place(f"t{thread}"))
            threads = list(range(30))
            await asyncio.gather(
                *(_step(store, thread, number) for thread in threads),
                *(_step(other, thread, number) for thread in reversed(threads)),
            )
        for thread in range(30):
            found = await store.read(Place(f"t{thread}"))
            assert found is not None
            assert len(contents(found)["a"]) == 6
        await other.aclose()
    await check_rows(store)


@pytest.mark.parametrize("operation", ["put", "put_writes"])
async def test_a_locked_line_keeps_no_other_thread_waiting(url: str, store: ThreadStore, operation: str) -> None:
    """Fails without: checkpoints/fast/statements.py, `lock_timeout`; checkpoints/fast/sending.py, `beside`."""
    await asyncio.gather(*(_step(store, thread, 0) for thread in range(20)))

    async def change(thread: int, name: str) -> None:
        place = Place(f"t{thread}")
        if operation == "put":
            number = int(name)
            await store.put(place, new(name, f"{number - 1:04}", {"a": [name]}, versions={"a": number}))
        else:
            await store.put_writes(place, "0000", name, "", [write(0, "a", name)])

    engine = create_async_engine(url)
    async with engine.begin() as connection:
        # As another process has them that is stopped amid a change.
        lock = """
            select t.thread_id from agent_checkpoints_threads t join agent_checkpoints_lines l on l.thread = t.id
            order by l.id limit 3 for update of l
        """
        locked = {int(thread_id[1:]) for (thread_id,) in await connection.execute(text(lock))}
        # Also if each worker has begun with one of them alone.
        late = []
        for thread in sorted(locked):
            late.append(asyncio.ensure_future(change(thread, "0001")))
            await asyncio.sleep(0.01)
        others = [thread for thread in range(20) if thread not in locked]
        for name in ("0001", "0002"):
            async with asyncio.timeout(30):
                await asyncio.gather(*(change(thread, name) for thread in others))
        assert not any(one.done() for one in late)
    await asyncio.gather(*late)
    await engine.dispose()
    for thread in range(20):
        found = await store.read(Place(f"t{thread}"))
        assert found is not None
        last = "0001" if thread in locked else "0002"
        if operation == "put":
            assert contents(found) == {"a": [last]}
        else:
            assert {one[0] for one in writes(found)} >= {"0001", last}
    await check_rows(store)


@pytest.mark.parametrize("seen", [1, 100])
async def test_a_run_does_not_go_on_in_a_thread_that_began_anew(
    store: ThreadStore, monkeypatch: pytest.MonkeyPatch, seen: int
) -> None:
    """Fails without: checkpoints/fast/postgres.py, `put.within`; store/threads.py, `within` of `_seen`."""
    monkeypatch.setattr(remembered, "_SEEN", seen)
    run, within = Run(), Place("t", "within")
    await store.put(PLACE, new("1"), run=run)
    await store.delete("t")
    await store.put(PLACE, new("2"))
    await store.put(within, new("1"))
    # The process may have used many checkpoints since, and know this one's line no more.
    await store.put(Place("other"), new("1"))
    with pytest.raises(ThreadGoneError):
        await store.put_writes(within, "1", "task", "", [write(0, "a", ["more"])], run=run)
    with pytest.raises(ThreadGoneError):
        await store.put(within, new("2", "1"), run=run)
    assert await store.read(within, "2") is None
    found = await store.read(within)
    assert found is not None
    assert not writes(found)

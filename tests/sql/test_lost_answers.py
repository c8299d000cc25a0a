"""A connection ends before a request arrives, or before its answer does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import open_store
from sessions.errors import OutcomeUnknownError
from sessions.log.moving import source as pages
from sessions.store import importing

from .network import message

if TYPE_CHECKING:
    from .network import Network


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("known", [False, True], ids=["new session", "known session"])
@pytest.mark.parametrize("own_key", [None, "k"], ids=["automatic key", "own key"])
async def test_an_append_whose_answer_is_lost_is_added_once(
    network: Network,
    known: bool,  # noqa: FBT001
    times: int,
    own_key: str | None,
) -> None:
    """
    Fails without: log/append.py, `return msgspec.structs.replace(self, idempotency=…)` (`return self`).
    """
    await network.session("other").add_items([message("the tables are there")])
    session = network.session()
    before = [message("before")] if known else []
    await session.add_items(before)
    # On Postgres, one statement looks for the session, and another one makes it.
    network.proxy.lose_answer_to(network.commit_of(b"marked"), times, after=int(network.is_postgres and not known))
    await session.add_items([message("marked"), message("and its neighbour")], idempotency_key=own_key)
    assert network.proxy.losses == times
    assert await network.stored() == [*before, message("marked"), message("and its neighbour")]


@pytest.mark.parametrize("times", [1, 3])
async def test_an_append_with_item_keys_whose_answer_is_lost_is_added_once(network: Network, times: int) -> None:
    """
    Fails without: log/append.py, `if self.idempotency and _was_added` or `entries = new_entries(`: either will do.
    """
    session = network.session()
    await session.add_items([message("before")], keys=["before"])
    network.proxy.lose_answer_to(network.commit_of(b"marked"), times)
    await session.add_items([message("marked"), message("and its neighbour")], keys=["marked", None])
    assert network.proxy.losses == times
    stored = [message("before"), message("marked"), message("and its neighbour")]
    assert await network.stored() == stored
    # The caller's own retry, after an answer that no attempt got.
    await session.add_items([message("before"), message("marked")], keys=["before", "marked"])
    assert await network.stored() == stored


async def test_waiting_appends_whose_common_answer_is_lost_are_each_added_once(postgres_network: Network) -> None:
    """Sixty wait; the first group's answer is lost, and the second's.

    Fails without: log/fast/statements.py, `), keyed as (` of APPEND_MANY (with "where false" it remembers no key).
    """
    names = [f"session {number}" for number in range(12)]
    sessions = [postgres_network.session(name) for name in names]
    for session in sessions:
        await session.add_items([message("first")])
    postgres_network.proxy.lose_answer_to(b"waiting", times=2)
    await asyncio.gather(
        *(session.add_items([message(f"waiting {n}"), message(f"{n}")]) for n in range(5) for session in sessions)
    )
    assert postgres_network.proxy.losses == 2
    for name in names:
        first, *rest = await postgres_network.stored(name)
        assert first == message("first")
        pairs = [(rest[at], rest[at + 1]) for at in range(0, len(rest), 2)]
        assert sorted(map(str, pairs)) == [str((message(f"waiting {n}"), message(f"{n}"))) for n in range(5)]


@pytest.mark.parametrize("known", [False, True], ids=["new session", "known session"])
async def test_usage_whose_answer_is_lost_is_recorded_once(network: Network, known: bool) -> None:  # noqa: FBT001
    """
    Fails without: db/sqlalchemy/database.py, `repeatable=command_of(work).repeatable`.
    """
    await network.session("other").add_items([message("the tables are there")])
    session = network.session()
    if known:
        await session.add_items([message("1")])
    network.proxy.lose_answer_to(network.commit, times=3)
    await session.usage.record(input_tokens=5)
    assert network.proxy.losses == 3
    assert (await session.usage.total()).requests == 1


async def test_a_read_whose_answer_is_lost_is_repeated(network: Network) -> None:
    """
    Fails without: db/postgres/database.py, `repeatable=True` in `read_rows`; db/sqlalchemy/retry.py, `Trouble.LOST` in
    `_RETRIED`.
    """
    session = network.session("marked")
    await session.add_items([message("1"), message("2")])
    network.proxy.lose_answer_to(b"marked", times=2)
    assert await session.get_items() == [message("1"), message("2")]
    assert network.proxy.losses == 2


async def test_a_pop_whose_answer_is_lost_is_not_repeated(network: Network) -> None:
    """Fails without: db/sqlalchemy/database.py, `committing = write`."""
    session = network.session("marked")
    await session.add_items([message("1"), message("2"), message("3")])
    network.proxy.lose_answer_to(network.commit)
    with pytest.raises(OutcomeUnknownError, match="session 'marked'"):
        await session.pop_item()
    assert network.proxy.losses == 1
    assert await network.stored("marked") == [message("1"), message("2")]
    assert await session.pop_item() == message("2")


async def test_a_clear_whose_answer_is_lost_is_not_repeated(network: Network) -> None:
    """What others add after it would be removed by a second one.

    Fails without: db/sqlalchemy/database.py, `committing = write`.
    """
    session = network.session()
    await session.add_items([message("1")])
    network.proxy.lose_answer_to(network.commit)
    with pytest.raises(OutcomeUnknownError, match="session 's'"):
        await session.clear_session()
    assert await network.stored() == []


@pytest.mark.parametrize("operation", ["add", "get", "clear"])
async def test_what_ended_before_the_commit_is_repeated(network: Network, operation: str) -> None:
    """
    Fails without: db/sqlalchemy/retry.py, `error.outcome_known or` in `may_retry`.
    """
    session = network.session("marked")
    await session.add_items([message("1")])
    network.proxy.lose_request(b"marked", times=2)
    if operation == "add":
        await session.add_items([message("2")])
        assert await session.get_items() == [message("1"), message("2")]
    elif operation == "get":
        assert await session.get_items() == [message("1")]
    else:
        await session.clear_session()
        assert await session.get_items() == []
    assert network.proxy.losses == 2


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("way", ["fork", "copy"])
async def test_a_move_whose_answer_is_lost_is_made_once(
    network: Network, monkeypatch: pytest.MonkeyPatch, before: int, way: str
) -> None:
    """Fails without: log/moving/target.py, `repeatable` of `Begin`, `WritePage` or `Finish`."""
    monkeypatch.setattr(pages, "PAGE", 2)
    items = [message(f"{number}") for number in range(4)]
    session = network.session()
    await session.add_items(items, keys=["a", "b", "c", "d"])
    async with open_store(network.url, create_tables=True) as store:
        await store.count()
        network.proxy.lose_answer_to(network.commit, times=2, after=before)
        await (store.fork("s", "new") if way == "fork" else store.copy("s", "new"))
        network.proxy.lose_answer_to(b"nothing is called that", times=0)
        assert [one.session_id for one in await store.sessions()] == ["new", "s"]
        new = store.session("new")
        assert [entry.key for entry in await new.entries()] == ["a", "b", "c", "d"]
    assert await network.stored("new") == items


@pytest.mark.parametrize("before", range(5))
async def test_an_import_whose_answer_is_lost_is_made_once(
    network: Network, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """Fails without: log/exports/placing.py, `repeatable` of `BeginImport`, `PutPage` or `FinishImport`."""
    monkeypatch.setattr(importing, "_PAGE", 3)
    items = [message(f"{number}") for number in range(4)]
    async with open_store("sqlite://") as other, open_store(network.url, create_tables=True) as store:
        await other.session("new").add_items(items, keys=["a", "b", "c", "d"])
        pieces = [piece async for piece in other.export_lines(["new"])]
        await store.count()
        network.proxy.lose_answer_to(network.commit, times=2, after=before)
        done = await store.import_sessions(pieces)
        network.proxy.lose_answer_to(b"nothing is called that", times=0)
        assert (done.sessions, done.entries) == (1, 4)
        assert [one.session_id for one in await store.sessions()] == ["new"]
        assert [entry.key for entry in await store.session("new").entries()] == ["a", "b", "c", "d"]
    assert await network.stored("new") == items

"""Many writers, one transaction; each fails by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from sessions import IdempotencyKeyReusedError, InvalidItemError
from sessions.db.sqlite.group_commit import read_group, write_group

from .inside import locked, stored, taken, trace, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]


# Fails without: db/sqlite/group_commit.py, `connection.execute("rollback to job")`
async def test_one_that_fails_takes_no_neighbour_along(path: Path, ours: Ours) -> None:
    session, other = ours(), ours("other")
    await session.add_items([user("old")], idempotency_key="k")
    statements = await trace(session)
    with locked(path):
        first = asyncio.ensure_future(session.add_items([user("first")]))
        await asyncio.sleep(0)
        await taken(path)
        group = [
            asyncio.ensure_future(coroutine)
            for coroutine in (
                other.add_items([user("before")]),
                session.add_items([user("reused")], idempotency_key="k"),
                session.add_items([{"nan": float("nan")}]),
                session.add_items([user("after")]),
                session.pop_item(),
                session.add_items([user("last")], idempotency_key="k2"),
            )
        ]
        await asyncio.sleep(0)
        statements.clear()
    await first
    results = await asyncio.gather(*group, return_exceptions=True)

    assert [type(result) for result in results] == [
        type(None), IdempotencyKeyReusedError, InvalidItemError, type(None), dict, type(None)
    ]  # fmt: skip
    assert await session.get_items() == [user("old"), user("first"), user("last")]
    assert await other.get_items() == [user("before")]
    begun = [word for word in map(str.lower, statements) if word in {"begin immediate", "savepoint job"}]
    assert begun[-6:] == ["begin immediate", *["savepoint job"] * 5], "they were one group"


class Fails(Exception):  # noqa: N818
    """What a job raises on purpose."""


class FakeJob:
    """A job as a group sees it, without an event loop."""

    def __init__(self, work: Callable[[FakeJob, Any], object]) -> None:
        self.work = work
        self.error: BaseException | None = None
        self.result: object = None
        self.runs = 0

    def run(self, transaction: Any) -> None:
        self.runs += 1
        self.error = None
        self.result = self.work(self, transaction)


class Connection:
    """A database in memory with one table, of which chosen statements fail."""

    def __init__(self) -> None:
        self.real = sqlite3.connect(":memory:", isolation_level=None)
        self.real.execute("create table t (x)")
        self.executemany = self.real.executemany
        self.failing: dict[tuple[str, int], sqlite3.Error] = {}
        self.counts: dict[str, int] = {}

    @property
    def in_transaction(self) -> bool:
        return self.real.in_transaction

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self.counts[sql] = self.counts.get(sql, 0) + 1
        if error := self.failing.get((sql, self.counts[sql])):
            raise error
        return self.real.execute(sql, *values)

    def rows(self) -> list[object]:
        return [x for (x,) in self.real.execute("select x from t")]


@pytest.fixture
def connection() -> Iterator[Any]:
    made = Connection()
    yield made
    made.real.close()


def adds(value: object) -> Any:
    return FakeJob(lambda job, tx: tx._execute("insert into t values (?)", (value,)) and (value, job.runs))


# Fails without: db/sqlite/group_commit.py, `_roll_back(connection)` (in `_write_together` and `_write_with_savepoints`)
@pytest.mark.parametrize("failing", [("commit", 2), ("release job", 2), ("savepoint job", 3)], ids=str)
def test_a_transaction_that_fails_as_a_whole_is_done_one_by_one(connection: Any, failing: tuple[str, int]) -> None:
    # At first without savepoints, then with them.
    for once in (("commit", 1), failing):
        connection.failing[once] = sqlite3.OperationalError("database or disk is full")
    jobs = [adds(1), adds(2), adds(3)]

    write_group(connection, jobs)

    assert connection.rows() == [1, 2, 3]
    assert [job.error for job in jobs] == [None] * 3
    assert [job.result[0] for job in jobs] == [1, 2, 3]


def test_a_job_that_ends_the_transaction_fails_alone(connection: Any) -> None:
    def rolls_back(_: FakeJob, tx: Any) -> None:
        tx._execute("rollback")
        raise sqlite3.OperationalError("database or disk is full")

    jobs: list[Any] = [adds(1), FakeJob(rolls_back), adds(3)]

    write_group(connection, jobs)

    assert connection.rows() == [1, 3]
    assert [type(job.error) for job in jobs] == [type(None), sqlite3.OperationalError, type(None)]
    assert not connection.in_transaction


# Fails without: db/sqlite/group_commit.py, `connection.execute("begin immediate")` inside the `try` of `_write_alone`
@pytest.mark.parametrize("failing", [("begin immediate", 4), ("commit", 4)], ids=str)
def test_what_was_committed_is_not_reported_as_failed(connection: Any, failing: tuple[str, int]) -> None:
    connection.failing = {
        ("commit", 1): sqlite3.OperationalError("disk I/O error"),
        ("commit", 2): sqlite3.OperationalError("disk I/O error"),
        failing: sqlite3.OperationalError("database is locked"),
    }
    jobs = [adds(1), adds(2), adds(3)]

    write_group(connection, jobs)

    assert connection.rows() == [1, 3]
    assert [str(job.error) for job in jobs] == ["None", "database is locked", "None"]


def test_no_job_is_begun_if_the_transaction_cannot_be(connection: Any) -> None:
    connection.failing[("begin immediate", 1)] = sqlite3.OperationalError("database is locked")
    jobs = [adds(1), adds(2)]

    with pytest.raises(sqlite3.OperationalError):
        write_group(connection, jobs)

    assert [job.runs for job in jobs] == [0, 0]


def fails(_: FakeJob, tx: Any) -> None:
    tx._execute("select count(*) from t").fetchall()
    raise Fails


def adds_and_fails(job: FakeJob, tx: Any) -> None:
    tx._execute("insert into t values (9)")
    fails(job, tx)


@pytest.mark.parametrize("count", [1, 3])
def test_a_job_of_ones_own_error_leaves_nothing_behind(connection: Any, count: int) -> None:
    jobs: list[Any] = [FakeJob(adds_and_fails) for _ in range(count)]

    write_group(connection, jobs)

    assert connection.rows() == []
    assert [type(job.error) for job in jobs] == [Fails] * count
    assert not connection.in_transaction


# Fails without: db/sqlite/group_commit.py, `connection.execute("begin")`
def test_readers_of_a_group_share_one_snapshot(path: Path) -> None:
    writer, reader = sqlite3.connect(path, isolation_level=None), sqlite3.connect(path, isolation_level=None)
    writer.execute("pragma journal_mode = wal").fetchall()
    writer.execute("create table t (x)")

    def counts(_: FakeJob, tx: Any) -> Any:
        found = tx._execute("select count(*) from t").fetchone()[0]
        writer.execute("insert into t values (1)")
        return found

    jobs: list[Any] = [FakeJob(counts), FakeJob(fails), FakeJob(counts), FakeJob(counts)]
    done: list[Any] = []

    read_group(reader, jobs, done.append)

    assert done == jobs
    assert [job.result for job in jobs] == [0, None, 0, 0]
    assert isinstance(jobs[1].error, Fails)
    assert not reader.in_transaction
    for connection in (writer, reader):
        connection.close()


async def test_hundreds_of_writers_at_once(path: Path, ours: Ours) -> None:
    sessions = [ours(str(number)) for number in range(5)]

    await asyncio.gather(*(session.add_items([user(n), user(-n)]) for n in range(150) for session in sessions))

    assert len(stored(path)) == 150 * 5 * 2
    for session in sessions:
        items = [int(item["content"]) for item in await session.get_items()]
        assert items[::2] == list(range(150)), "each task's turn comes in the order of asking"
        assert [-item for item in items[1::2]] == items[::2]

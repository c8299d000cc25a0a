"""Group commit: many jobs, one transaction, one sync to the disk.

A job that fails does not take its neighbours along: the group is rolled back and done again with a savepoint for each
job. If the transaction fails even so (a full disk can do that), each job is done in a transaction of its own, so that
each fails or succeeds by itself. Results and errors are kept in the jobs. Codecs and counters are callers' functions,
and may raise anything, even a `BaseException` such as an extension's panic, which would end the thread's work.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from sessions.db.sqlite.transaction import SQLiteTransaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.jobs import Job
    from sessions.db.sqlite.connection_thread import ConnectionThread
    from sessions.db.transaction import Transaction


def write_group(connection: sqlite3.Connection, jobs: list[Job[Any]]) -> None:
    """Do jobs that write.

    Raises:
        sqlite3.Error: The transaction of several jobs could not even begin; no job was done.
    """
    if len(jobs) > 1 and (_write_together(connection, jobs) or _write_with_savepoints(connection, jobs)):
        return
    for job in jobs:
        _write_alone(connection, job)


def write_beside(connection: sqlite3.Connection, work: Callable[[Transaction], object]) -> None:
    """Do work without a waiting caller; if it fails, nothing has changed."""
    try:
        connection.execute("begin immediate")
        work(SQLiteTransaction(connection))
        connection.execute("commit")
    except BaseException:  # noqa: BLE001 - it is nothing to those whose jobs were done before
        _roll_back(connection)


def read_group(
    connection: sqlite3.Connection,
    jobs: list[Job[Any]],
    done: Callable[[Job[Any]], None],
    other: ConnectionThread | None = None,
) -> None:
    """Do jobs that read, in one snapshot; call `done` with each, and have another thread help if there is one.

    Raises:
        sqlite3.Error: The snapshot could not be taken; no job was done.
    """
    connection.execute("begin")
    try:
        transaction = SQLiteTransaction(connection, other)
        for job in jobs:
            try:
                job.run(transaction)
            except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
                job.error = error
            done(job)
    finally:
        _roll_back(connection)


def _write_alone(connection: sqlite3.Connection, job: Job[Any]) -> None:
    try:
        connection.execute("begin immediate")
        job.run(SQLiteTransaction(connection))
        connection.execute("commit")
    except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
        job.error = error
        _roll_back(connection)


def _write_together(connection: sqlite3.Connection, jobs: list[Job[Any]]) -> bool:
    """Do the jobs in one transaction; return False, with nothing changed, if one of them failed."""
    connection.execute("begin immediate")
    transaction = SQLiteTransaction(connection)
    try:
        for job in jobs:
            job.run(transaction)
        connection.execute("commit")
    except BaseException:  # noqa: BLE001 - it will be raised again where it can be told whose it is
        _roll_back(connection)
        return False
    return True


def _write_with_savepoints(connection: sqlite3.Connection, jobs: list[Job[Any]]) -> bool:
    """Do the jobs in one transaction but for those that fail; return False, with nothing changed, if it failed."""
    connection.execute("begin immediate")
    transaction = SQLiteTransaction(connection)
    try:
        for job in jobs:
            connection.execute("savepoint job")
            try:
                job.run(transaction)
            except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
                job.error = error
                if not connection.in_transaction:
                    return False
                connection.execute("rollback to job")
            connection.execute("release job")
        connection.execute("commit")
    except sqlite3.Error:
        _roll_back(connection)
        return False
    return True


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("rollback")

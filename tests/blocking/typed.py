"""The types of `sessions.blocking`: this file is checked by mypy, which knows real signatures and results.

A comment that ignores an error is an error itself if there is none, so the wrong uses here are seen to be refused.
"""

from __future__ import annotations

from typing import assert_type

from sessions import Branch, Change, Entry, Lease, Session, SessionInfo, Tree, Usage, blocking
from sessions.blocking import LogSession, SQLAlchemySession, SQLiteSession, Steps, Store, Window, open_store


def results() -> None:
    """Methods return values, and blocks give sessions of the same class."""
    session = SQLiteSession("s")
    assert_type(session.version(), int)
    assert_type(session.branches.list(), list[Branch])
    assert_type(session.usage.total(), Usage)
    assert_type(session.entries(limit=2), list[Entry])
    assert_type(session.tree(), Tree)
    assert_type(session.on_branch("b"), SQLiteSession)
    assert_type(session.watch(after=1), Steps[Change])
    for change in session.watch():
        assert_type(change, Change)
    with session.lease(ttl=1) as leased:
        assert_type(leased, SQLiteSession)
        assert_type(leased.held, Lease | None)
    with session.attempt(turn=1) as tried:
        assert_type(tried, SQLiteSession)
    assert_type(SQLAlchemySession.from_url("s", url="x"), SQLAlchemySession)
    with open_store("sqlite://") as store:
        assert_type(store, Store)
        assert_type(store.session("s"), LogSession)
        assert_type(store.sessions(), list[SessionInfo])
    runners: Session = session.asynchronous
    del runners


def arguments() -> None:
    """Wrong arguments are refused, and plain functions are summarisers."""
    session = SQLiteSession("s")
    session.compact(lambda items: f"{len(items)} items")
    blocking.Compaction(lambda items: items[:1], above=Window(items=2))
    session.add_items("text")  # type: ignore[arg-type]
    session.undo(turns="2")  # type: ignore[arg-type]
    session.lease(on_busy="never")  # type: ignore[arg-type]
    session.get_item()  # type: ignore[attr-defined]


async def awaiting() -> None:
    """What is not awaitable is told."""
    await SQLiteSession("s").version()  # type: ignore[misc]

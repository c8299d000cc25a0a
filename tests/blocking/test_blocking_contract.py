"""The contracts hold without an event loop: on SQLite, where none is needed, and behind the portal's.

All operations have one implementation, so an ordinary run tests in full those contracts that wait: leases, watching
and compaction. Sessions and histories are a variant (tests/tiers.py). ``--everything`` runs the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import blocking, generate_key
from sessions.testing import (
    CompactionContract,
    CorrectionContract,
    EntryContract,
    ExpiryContract,
    HistoryContract,
    InfoContract,
    ItemKeyContract,
    LeaseContract,
    MemoryContract,
    SessionContract,
    SharingContract,
    UsageContract,
    WatchContract,
    WindowContract,
)

from .awaited import Awaited, awaited

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class _InAFile:
    """Sessions in a SQLite file."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[..., Any]:
        path = tmp_path / "sessions.db"
        return lambda session_id, **settings: awaited(blocking.SQLiteSession(session_id, path, **settings))


class _ByURL:
    """Sessions in a database behind SQLAlchemy."""

    @pytest.fixture
    def make(self, url: str) -> Callable[..., Any]:
        return lambda session_id, **settings: awaited(
            blocking.SQLAlchemySession.from_url(session_id, url=url, create_tables=True, **settings)
        )


class _Encrypted:
    """Encrypted sessions in a SQLite file."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[..., Any]:
        path, key = tmp_path / "sessions.db", generate_key()

        def make(session_id: str, ttl: float | None = None, **settings: Any) -> Awaited:
            below = blocking.SQLiteSession(session_id, path, **settings)
            return Awaited(blocking.EncryptedSession(session_id, below, key, ttl))

        return make


# A cancelled caller does not cancel a thread: test_interrupts.py interrupts it. So tests that cancel are left out.


class _Session(SessionContract):
    # Python looks for a protocol's methods past `__getattr__`, of which the adapter is made.
    test_is_a_session = None  # type: ignore[assignment]
    test_the_caller_may_change_items_after_adding = None  # type: ignore[assignment]
    test_a_cancelled_change_has_happened_wholly_or_not_at_all = None  # type: ignore[assignment]


@pytest.mark.variant
class TestSessionInAFile(_InAFile, _Session):
    pass


@pytest.mark.variant
class TestSessionByURL(_ByURL, _Session):
    pass


@pytest.mark.variant
class TestSessionEncrypted(_Encrypted, _Session):
    pass


class _History(HistoryContract):
    test_a_cancelled_change_has_happened_wholly_or_not_at_all = None  # type: ignore[assignment]
    test_a_cancelled_attempt_has_happened_wholly_or_not_at_all = None  # type: ignore[assignment]


@pytest.mark.variant
class TestHistoryInAFile(_InAFile, _History):
    pass


@pytest.mark.everything
class TestHistoryByURL(_ByURL, _History):
    pass


@pytest.mark.everything
class TestHistoryEncrypted(_Encrypted, _History):
    pass


class _Leases(LeaseContract):
    test_whoever_is_cancelled_while_waiting_is_not_waited_for = None  # type: ignore[assignment]


class TestLeasesInAFile(_InAFile, _Leases):
    pass


@pytest.mark.everything
class TestLeasesByURL(_ByURL, _Leases):
    pass


class _Watching(WatchContract):
    test_nothing_stays_behind = None  # type: ignore[assignment]


class TestWatchingInAFile(_InAFile, _Watching):
    pass


@pytest.mark.everything
class TestWatchingByURL(_ByURL, _Watching):
    pass


@pytest.mark.everything
class TestSharingInAFile(_InAFile, SharingContract):
    pass


class _Compaction(CompactionContract):
    # Here, a summariser may be a plain function, and nothing is for a runner: test_callbacks.py.
    test_a_failed_summary_changes_nothing = None  # type: ignore[assignment]
    test_a_runner_compacts_a_session_that_says_when = None  # type: ignore[assignment]


class TestCompactionInAFile(_InAFile, _Compaction):
    pass


@pytest.mark.everything
class TestCompactionByURL(_ByURL, _Compaction):
    pass


@pytest.mark.everything
class TestEntriesInAFile(_InAFile, EntryContract):
    pass


@pytest.mark.everything
class TestItemKeysInAFile(_InAFile, ItemKeyContract):
    pass


@pytest.mark.everything
class TestUsageInAFile(_InAFile, UsageContract):
    pass


@pytest.mark.everything
class TestWindowsInAFile(_InAFile, WindowContract):
    pass


@pytest.mark.everything
class TestInfoInAFile(InfoContract):
    test_nothing_waits_for_an_asynchronous_title_but_closing = None  # type: ignore[assignment]  # Its events belong to the test's own loop.

    @pytest.fixture
    def open_here(self, tmp_path: Path) -> Callable[..., Any]:
        return lambda **options: awaited(
            blocking.open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)
        )


@pytest.mark.everything
class TestExpiryInAFile(ExpiryContract):
    # It replaces a method of the store by one of the test's own loop.
    test_a_sweeper_purges_until_the_store_is_closed = None  # type: ignore[assignment]

    @pytest.fixture
    def open_here(self, tmp_path: Path) -> Callable[..., Any]:
        return lambda **options: awaited(
            blocking.open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)
        )


@pytest.mark.everything
class TestCorrectionsInAFile(CorrectionContract):
    @pytest.fixture
    def open_here(self, tmp_path: Path) -> Callable[..., Any]:
        return lambda **options: awaited(
            blocking.open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)
        )


@pytest.mark.everything
class TestMemoriesInAFile(MemoryContract):
    @pytest.fixture
    def open_here(self, tmp_path: Path) -> Callable[..., Any]:
        return lambda **options: awaited(
            blocking.open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal", **options)
        )

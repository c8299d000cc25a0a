"""The fixtures that contracts for sessions of this package begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

import pytest

from sessions.testing.expiry_model import MovableClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession


MakeLogSession: TypeAlias = "Callable[..., LogSession]"
"""Makes a session of an id, with settings; on one database for each test."""


class WithClock:
    """A clock. Contracts derive from it."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)


class SessionAndClock(WithClock):
    """A session of the test's own, and a clock. Contracts derive from it."""

    @pytest.fixture
    def session(self, make: MakeLogSession) -> LogSession:
        """Return a session with an id of its own."""
        return make(f"session-{uuid4()}")

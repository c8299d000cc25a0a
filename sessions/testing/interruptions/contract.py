"""The contract for interruptions, as tests to run on your own store.

As `sessions.testing.HistoryContract`, with ``make(session_id, **settings)`` that also takes ``codec``: an operation
that is cancelled twice, again and again, or by a scope of anyio's has happened completely or not at all; and errors of
a caller's function reach only that caller. Needs anyio, too, which the extra ``agent-session-store[testing]`` installs.
"""

from __future__ import annotations

from sessions.testing.interruptions.changing import Changing
from sessions.testing.interruptions.holding import Holding
from sessions.testing.interruptions.raising import Raising
from sessions.testing.interruptions.trying import Trying


class InterruptionContract(Changing, Holding, Trying, Raising):
    """Derive from this and provide the fixture ``make``."""

"""The time as the log keeps it."""

from __future__ import annotations

import time


def now() -> int:
    """Return the time in microseconds since 1970, UTC. Nothing is ordered by it."""
    return time.time_ns() // 1000

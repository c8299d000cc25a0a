"""The time as the log keeps it: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from time import time_ns
from typing import Final

NEVER: Final = 253_402_300_799_999_999
"""The expiry of what is never to expire, said so: the last microsecond of the year 9999, the last that Python knows.

Without an expiry of its own, an entry is left to whoever purges what is older than a time of theirs.
"""

FIRST: Final = -62_135_596_800_000_000
"""The first microsecond that Python knows."""

MINUTE: Final = 60_000_000
"""In microseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def now() -> int:
    """Return the time in microseconds since 1970, UTC. Nothing is ordered by it."""
    return time_ns() // 1000


def as_time(microseconds: int) -> datetime:
    """Return a time of the log's as Python's, in UTC."""
    # By place: by name, it takes half as long again.
    return _EPOCH + timedelta(0, 0, microseconds)


def as_near_time(microseconds: int) -> datetime:
    """Return the same; of a time that Python does not know, its first or its last one."""
    if FIRST <= microseconds <= NEVER:
        return as_time(microseconds)
    return as_time(FIRST if microseconds < FIRST else NEVER)


def as_microseconds(time: datetime) -> int:
    """Return a time, which has a zone, as the log keeps it."""
    return (time - _EPOCH) // _MICROSECOND


def check_moment(moment: object, name: str) -> int:
    """Return a moment, or the beginning of a day in UTC, as the log keeps it.

    Raises:
        TypeError: It is neither a date nor a datetime.
        ValueError: It has no time zone.
    """
    if not isinstance(moment, date):
        raise TypeError(
            f"{name} must be a date or a datetime, not {type(moment).__name__}. Nothing was read. Use "
            "datetime.now(UTC) or date.today()."
        )
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if moment.tzinfo is None:
        raise ValueError(
            f"{name} has no time zone. Nothing was read. Use datetime.now(UTC), or a date, which counts in UTC."
        )
    return as_microseconds(moment)

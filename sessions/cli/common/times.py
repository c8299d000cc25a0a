"""Times and durations on the command line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

import click

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_AS_IN: Final = "as in 90s, 30m, 12h, 7d or 2w"


class Duration(click.ParamType[timedelta]):
    """A duration: a number with its unit."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return it as a `timedelta`."""
        if isinstance(value, timedelta):
            return value
        found = _DURATION.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{str(value)!r} is not a duration. Write it {_AS_IN}.", param, ctx)
        return timedelta(**{_UNITS[found[2]]: float(found[1])})


class When(click.ParamType[date]):
    """A moment: a day in UTC, a time with its zone, or a duration before now."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return it as a `date`, or as a `datetime` with a time zone."""
        if isinstance(value, date):
            return value
        text = str(value).strip()
        if found := _DURATION.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: float(found[1])})
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r} is not a time. Write a day as 2026-01-31, a time as 2026-01-31T12:00:00Z, or how long ago, "
                f"{_AS_IN}.",
                param,
                ctx,
            )
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def ago(moment: datetime) -> str:
    """Return a moment as people read it: in UTC, to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")

"""Tags of Python's own types: times, numbers, bytes, collections, and the paths of the system.

Every form is canonical: there is one way to write a value, and reading takes no other.
"""

from __future__ import annotations

import binascii
from datetime import date, datetime, time, timedelta, timezone
from decimal import Context, Decimal, InvalidOperation
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from sessions.codecs.plus.tags import RefusedError, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

T = TypeVar("T")

_MOST_ELEMENTS: Final = 1024
"""Of a set, beside text. Hashes of all else are no secret: elements made up so that theirs are the same are compared,
each with each."""

_DECIMALS: Final = Context(capitals=1, traps=[InvalidOperation])


def expect(kind: type[T], form: object) -> T:
    """Return a form that is of exactly this type; raise `TypeError` if it is not."""
    if type(form) is not kind:
        raise TypeError
    return form


def _canonical(write: Callable[[T], str], read: Callable[[str], T]) -> Callable[[Any], T]:
    """Return a `read` that accepts only results of `write`."""

    def strictly(form: Any) -> T:
        value = read(expect(str, form))
        if write(value) != form:
            raise ValueError
        return value

    return strictly


# Times


@cache
def _zones() -> set[str]:
    """Return the keys in the tz database.

    `ZoneInfo` would look for other keys, too, in folders and as names of modules below ``tzdata.zoneinfo``; a key that
    comes from data is compared with the list first.
    """
    return available_timezones()


def _write_moment(value: datetime | time) -> str | dict[str, Any]:
    """Return ISO 8601 if it says everything, else an object with that in "at" and the rest beside it.

    That is "zone"; or "name", and "offset" in microseconds; and "fold".
    """
    zone = value.tzinfo
    more: dict[str, Any] = {}
    if type(zone) is ZoneInfo:
        if zone.key not in _zones():
            raise RefusedError("has a ZoneInfo without a key in the tz database. Make it with ZoneInfo(name).")
        more["zone"] = zone.key
        text = value.replace(tzinfo=None).isoformat()
    elif zone is None or type(zone) is timezone:
        text = value.isoformat()
        offset = value.utcoffset()
        if offset and abs(offset) < timedelta(seconds=1):
            # `fromisoformat` reads it as none (CPython, as of 3.13).
            more["offset"] = offset // timedelta(microseconds=1)
            text = value.replace(tzinfo=None).isoformat()
        if zone and zone.tzname(None) != timezone(zone.utcoffset(None)).tzname(None):
            more["name"] = zone.tzname(None)
    else:
        raise RefusedError(
            f"has a time zone of type {type(zone).__name__}, which has no name in the tz database. Use "
            "zoneinfo.ZoneInfo or datetime.timezone."
        )
    if value.fold:
        more["fold"] = 1
    return {"at": text, **more} if more else text


def _read_moment(kind: type[datetime | time], form: Any) -> datetime | time:
    more = {"at": form} if type(form) is str else expect(dict, form)
    value = kind.fromisoformat(expect(str, more["at"]))
    if "fold" in more:
        value = value.replace(fold=expect(int, more["fold"]))
    zone: timezone | ZoneInfo | None
    if "zone" in more:
        if more["zone"] not in _zones():
            raise ValueError
        zone = ZoneInfo(more["zone"])
        value = value.replace(tzinfo=zone)
    elif "name" in more or "offset" in more:
        # The offset exists here: without one, the text compared below would have no zone name.
        text_says = value.utcoffset() or timedelta(0)
        offset = timedelta(microseconds=expect(int, more["offset"])) if "offset" in more else text_says
        zone = timezone(offset, expect(str, more["name"])) if "name" in more else timezone(offset)
        value = value.replace(tzinfo=zone)
    if _write_moment(value) != form:
        raise ValueError
    return value


def _write_timedelta(value: timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _read_timedelta(form: Any) -> timedelta:
    days, seconds, microseconds = (expect(int, number) for number in expect(list, form))
    value = timedelta(days, seconds, microseconds)
    if _write_timedelta(value) != form:
        raise ValueError
    return value


# Numbers and bytes


def _read_decimal(text: str) -> Decimal:
    # A context of our own: in the caller's, invalid text may become NaN.
    return Decimal(text, _DECIMALS)


def _write_bytes(value: bytes | bytearray) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


# Collections


def _is_large(elements: Collection[Any]) -> bool:
    return len(elements) > _MOST_ELEMENTS and sum(type(element) is not str for element in elements) > _MOST_ELEMENTS


def _write_set(value: set[Any] | frozenset[Any]) -> list[Any]:
    if _is_large(value):
        raise RefusedError(f"has more than {_MOST_ELEMENTS:,} elements that are not text. Make it a list.")
    return list(value)


def _read_set(kind: type[set[Any] | frozenset[Any]], form: Any) -> set[Any] | frozenset[Any]:
    elements = expect(list, form)
    if _is_large(elements):
        raise ValueError
    value = kind(elements)
    if len(value) != len(elements):
        raise ValueError
    return value


def _read_tuple(form: Any) -> tuple[Any, ...]:
    return tuple(expect(list, form))


VALUES: Final = (
    Tag("datetime", datetime, _write_moment, partial(_read_moment, datetime)),
    Tag("date", date, date.isoformat, _canonical(date.isoformat, date.fromisoformat)),
    Tag("time", time, _write_moment, partial(_read_moment, time)),
    Tag("timedelta", timedelta, _write_timedelta, _read_timedelta),
    Tag("decimal", Decimal, _DECIMALS.to_sci_string, _canonical(_DECIMALS.to_sci_string, _read_decimal)),
    Tag("uuid", UUID, str, _canonical(str, UUID)),
    Tag("bytes", bytes, _write_bytes, _canonical(_write_bytes, binascii.a2b_base64)),
    Tag(
        "bytearray",
        bytearray,
        _write_bytes,
        _canonical(_write_bytes, lambda text: bytearray(binascii.a2b_base64(text))),
    ),
    Tag("tuple", tuple, list, _read_tuple),
    Tag("set", set, _write_set, partial(_read_set, set), is_ordered=False, is_proven=False),
    Tag("frozenset", frozenset, _write_set, partial(_read_set, frozenset), is_ordered=False, is_proven=False),
    Tag("path", type(Path()), str, _canonical(str, Path)),
)
"""The tags that every `PlusCodec` knows."""

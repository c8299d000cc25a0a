"""Checks of callers' arguments, before anything is done."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Final

MAX_TTL: Final = 100 * 366 * 86_400
"""Seconds, more than a hundred years. What is to be kept for longer is to be kept for ever."""


class Default(Enum):
    """The value of an argument that was not given, where ``None`` has a meaning of its own."""

    DEFAULT = "the default"

    def __repr__(self) -> str:
        return self.name


DEFAULT: Final = Default.DEFAULT

MAX_ID_BYTES: Final = 1024
MAX_KEY_BYTES: Final = 255
MAX_NAME_BYTES: Final = 255

AUDITS_KEPT: Final = 3 * 366 * 86_400 * 1_000_000
"""Microseconds for which an audit row is kept, if the caller does not say: three years."""

PURGE_BATCH: Final = 500
"""Items deleted in one transaction, if the caller does not say: some milliseconds."""


def check_session_id(session_id: object) -> str:
    """Return an id that can name a session.

    Raises:
        TypeError: It is not text.
        ValueError: It is empty, too long, no Unicode text, or has a NUL character in it.
    """
    return check_text(session_id, "session_id", MAX_ID_BYTES)


def check_text(text: object, name: str, max_bytes: int) -> str:
    """Return a text that every database stores, of 1 to `max_bytes` bytes in UTF-8.

    Raises:
        TypeError: It is not text.
        ValueError: It is empty, too long, no Unicode text, or has a NUL character in it.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"{name} must be a string, not {type(text).__name__}. Nothing was done. {_as_text(text, name)}."
        )
    if not text:
        raise ValueError(f"{name} must not be empty. Nothing was done. Pass text of at least one character.")
    if "\0" in text:
        raise ValueError(f"{name} must not contain a NUL character. Nothing was done. Remove it.")
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(
            f"{name} must not contain a lone surrogate, which is not Unicode text. Nothing was done. Read the "
            "text with the right encoding."
        ) from None
    if length > max_bytes:
        raise ValueError(
            f"{name} must be at most {max_bytes} bytes in UTF-8, but has {length}. Nothing was done. Pass a "
            "shorter one."
        )
    # Not the member of an enumeration that is a text as well.
    return text if type(text) is str else str.__str__(text)


def is_unicode(text: str) -> bool:
    """Tell whether a text has no lone surrogate, so that every database stores it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(value: object, name: str) -> str:
    """Return how to pass a value as text."""
    if isinstance(value, (bytes, bytearray)):
        return f"Pass {name}.decode()"
    if isinstance(getattr(value, "session_id", None), str):
        return "Pass the session's id: session.session_id"
    return "Pass text" if value is None else f"Pass text, for example str({name})"


def check_keys(keys: object, count: int) -> list[str | None]:
    """Return keys of items, each a text of 1 to 255 bytes or ``None``.

    Raises:
        TypeError: They are no list, or one of them is neither text nor ``None``.
        ValueError: They are not as many as the items, or one is there twice, or cannot be a key.
    """
    if isinstance(keys, (str, bytes, dict)) or not hasattr(keys, "__iter__"):
        raise TypeError(
            f"keys must be a list with a key or None for each item, not {type(keys).__name__}. "
            "Nothing was added. Write "
            "keys=['a', None]."
        )
    listed = list(keys)
    if len(listed) != count:
        raise ValueError(
            f"keys has {len(listed)} keys for {count} items. Nothing was added. Pass a key or None for each item."
        )
    seen: dict[str, int] = {}
    for number, key in enumerate(listed):
        if key is not None:
            first = seen.setdefault(check_text(key, f"keys[{number}]", MAX_KEY_BYTES), number)
            if first != number:
                raise ValueError(
                    f"keys[{number}] is the same as keys[{first}]. Nothing was added. Give each item a key of its own."
                )
    return listed


def check_branch_name(name: object, what: str = "name") -> str:
    """Return a text that can name a branch.

    Raises:
        TypeError: It is not text.
        ValueError: It is blank, too long, no Unicode text, or has a control character in it.
    """
    text = check_text(name, what, MAX_NAME_BYTES)
    if not text.strip() or not text.isprintable():
        raise ValueError(
            f"{what} must be printable and not blank, got {text!r}. Nothing was done. Pass a name such as 'draft'."
        )
    return text


def check_flags(**flags: object) -> None:
    """Refuse flags that are neither ``True`` nor ``False``, as the text "no", which would count as true.

    Raises:
        TypeError: One is another object.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be True or False, not {type(flag).__name__}. Nothing was done. Pass a bool.")


def check_progress(progress: object) -> None:
    """Refuse a function to be told of progress that cannot be called, before anything is done.

    Raises:
        TypeError: It is neither a function nor ``None``.
    """
    if progress is not None and not callable(progress):
        raise TypeError(
            f"progress must be a function of the result so far, not {type(progress).__name__}. Nothing was done. Pass "
            "for example print."
        )


LARGEST: Final = 1 << 62
"""More than there can be of anything, where a database's integers have 64 bits."""


def check_count(number: object, name: str, *, least: int) -> int:
    """Return an integer that is not too small, as an `int` that every driver knows; of larger ones, `LARGEST`.

    Raises:
        TypeError: It is not an integer; ``True`` and ``False`` do not count.
        ValueError: It is below `least`.
    """
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(
            f"{name} must be an integer, not {type(number).__name__}. Nothing was done. Pass a whole number."
        )
    if number < least:
        raise ValueError(
            f"{name} must be at least {least}, got {_shown(number)}. Nothing was done. Pass {least} or more."
        )
    return min(int(number), LARGEST)


def _shown(number: int) -> str:
    """Return a number in digits, if they are not too many."""
    return str(number) if number.bit_length() <= 256 else "a number of more than 77 digits"  # noqa: PLR2004


def check_page(limit: object, before: object, after: object) -> tuple[int | None, int | None, int | None]:
    """Return which part of a history is asked for: how many, before which position, behind which one.

    Raises:
        TypeError: One is neither an integer nor ``None``.
        ValueError: One is too small.
    """
    given = (("limit", limit, 1), ("before", before, 1), ("after", after, 0))
    limit, before, after = (
        None if value is None else check_count(value, name, least=least) for name, value, least in given
    )
    return limit, before, after


def check_ttl(ttl: object, name: str = "ttl") -> int | None:
    """Return a time to live, which is in seconds, in microseconds; ``None``, which is for ever, as it is.

    Raises:
        TypeError: It is neither a number nor ``None``.
        ValueError: It is not positive, or beyond `MAX_TTL`.
    """
    return None if ttl is None else check_seconds(ttl, name, "None to keep items for ever, or at most a hundred years")


def check_seconds(duration: object, name: str, otherwise: str = "at most a hundred years") -> int:
    """Return a positive duration in microseconds.

    Raises:
        TypeError: It is neither a number nor a `timedelta`; ``True`` and ``False`` do not count.
        ValueError: It is not positive, or beyond `MAX_TTL`.
    """
    seconds = _seconds(duration, name)
    if not 0 < seconds <= MAX_TTL:
        raise ValueError(
            f"{name} must be a positive number of seconds, got {_duration(seconds)}. Nothing was done. Use {otherwise}."
        )
    return max(1, round(seconds * 1_000_000))


def check_timeout(duration: object, name: str, most: float = MAX_TTL) -> float:
    """Return for how long to wait, in seconds: from 0 to `most`.

    Raises:
        TypeError: It is neither a number nor a `timedelta`; ``True`` and ``False`` do not count.
        ValueError: It is negative, or beyond `most`.
    """
    seconds = _seconds(duration, name)
    if not 0 <= seconds <= most:
        raise ValueError(
            f"{name} must be 0 to {most:.0f} seconds, got {_duration(seconds)}. Nothing was done. Pass "
            "seconds within this range."
        )
    return float(seconds)


def _seconds(duration: object, name: str) -> float:
    """Return a duration as a caller gives it, in seconds: the one place where a `timedelta` becomes a number."""
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if not isinstance(duration, int | float) or isinstance(duration, bool):
        raise TypeError(
            f"{name} must be a number of seconds or a timedelta, not {type(duration).__name__}. Nothing was "
            "done. Pass for example 60."
        )
    return duration


def _duration(seconds: float) -> object:
    return _shown(seconds) if isinstance(seconds, int) else seconds

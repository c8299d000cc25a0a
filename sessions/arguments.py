"""What callers pass, checked before anything is done."""

from __future__ import annotations

from typing import Final

MAX_ID_BYTES: Final = 1024
MAX_KEY_BYTES: Final = 255
MAX_NAME_BYTES: Final = 255

_MICROSECONDS: Final = 1_000_000
_MAX_TTL: Final = 100 * 366 * 24 * 60 * 60


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
        raise TypeError(f"{name} must be a string, not {type(text).__name__}")
    if not text:
        raise ValueError(f"{name} must not be empty")
    if "\0" in text:
        raise ValueError(f"{name} must not contain a NUL character")
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{name} must not contain a lone surrogate, which is no Unicode text") from None
    if length > max_bytes:
        raise ValueError(f"{name} must be at most {max_bytes} bytes in UTF-8, this one has {length}")
    return text


def check_branch_name(name: object, what: str = "name") -> str:
    """Return a text that can name a branch.

    Raises:
        TypeError: It is not text.
        ValueError: It is blank, too long, no Unicode text, or has a control character in it.
    """
    text = check_text(name, what, MAX_NAME_BYTES)
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{what} must be printable and not blank, got {text!r}")
    return text


def check_count(number: object, name: str, *, least: int) -> int:
    """Return an integer that is not too small.

    Raises:
        TypeError: It is not an integer; ``True`` and ``False`` are none here.
        ValueError: It is below `least`.
    """
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"{name} must be an integer, not {type(number).__name__}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def check_ttl(ttl: object) -> int | None:
    """Return a time to live in microseconds; ``None`` if there is none.

    Raises:
        TypeError: It is no number.
        ValueError: It is not positive, or more than a hundred years.
    """
    if ttl is None:
        return None
    if not isinstance(ttl, (int, float)) or isinstance(ttl, bool):
        raise TypeError(f"ttl must be a number of seconds or None, not {type(ttl).__name__}")
    if not 0 < ttl <= _MAX_TTL:
        raise ValueError(f"ttl must be more than 0 and at most {_MAX_TTL} seconds, got {ttl}; None means for ever")
    return int(ttl * _MICROSECONDS)

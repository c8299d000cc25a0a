"""Owners: a text, or a path of labels as ``("acme", "ann")``, and the one text in which every column of owners has it.

Each label is followed by U+0001. In a label, U+0001 becomes U+0002 U+0002, and U+0002 becomes U+0002 U+0003. So owners
sort label by label, ``("a",)`` is not a prefix of ``("ab",)``, and all owners below a path are one range of texts.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, TypeAlias

from sessions.validation import DEFAULT, Default, check_text

Owner: TypeAlias = str | tuple[str, ...]
"""A text, or one or more labels from the widest to the narrowest. ``"ann"`` and ``("ann",)`` are the same owner."""

MAX_OWNER_BYTES: Final = 1024
"""The length of an owner as it is stored, in UTF-8: its labels, and at least a byte for each."""

MAX_LABELS: Final = 16

_END: Final = "\x01"
_BEYOND: Final = "\x02"
_ESCAPED: Final = {_END: "\x02\x02", "\x02": "\x02\x03"}
_LABELS: Final = {escaped: plain for plain, escaped in _ESCAPED.items()}


def given_owner(owner: Owner | Default, name: str = "owner") -> Owner | None:
    """Return an owner that was given; ``None`` if the argument was left out.

    Raises:
        TypeError: ``None`` was given, as by a login that failed: it must not lift the restriction.
    """
    if owner is None:
        raise TypeError(
            f"{name} is None, perhaps from a login that found nobody. Nothing was done. Pass the owner, or leave the "
            "argument out to allow any owner."
        )
    return None if owner is DEFAULT else owner


def encode_owner(owner: object, name: str = "owner") -> str:
    """Return the stored form of an owner.

    Raises:
        TypeError: It is neither text nor a tuple of texts.
        ValueError: A label is empty, has a NUL character or is not Unicode text; or the owner is too long.
    """
    labels = (owner,) if isinstance(owner, str) else owner
    if not isinstance(labels, tuple | list):
        raise TypeError(
            f"{name} must be a string or a tuple of strings, not {type(owner).__name__}. Nothing was done. "
            "Pass text, or a tuple such as ('acme', 'alice')."
        )
    if not 0 < len(labels) <= MAX_LABELS:
        raise ValueError(
            f"{name} must have 1 to {MAX_LABELS} labels, got {len(labels)}. Nothing was done. Pass fewer, or "
            "at least one."
        )
    try:
        encoded = "".join([_escaped(check_text(label, name, MAX_OWNER_BYTES)) + _END for label in labels])
    except TypeError:
        # A text is its only label, so this is a tuple: tell which of its labels it is.
        for number, label in enumerate(labels):
            check_text(label, f"{name}[{number}]", MAX_OWNER_BYTES)
        raise
    if (length := len(encoded.encode())) > MAX_OWNER_BYTES:
        raise ValueError(
            f"{name} must be at most {MAX_OWNER_BYTES} bytes in UTF-8, but has {length}. Nothing was done. "
            "Pass a shorter one."
        )
    return encoded


def decode_owner(encoded: str | bytes | None) -> Owner | None:
    """Return an owner from its stored form: a text if it has one label, and else a tuple."""
    if encoded is None:
        return None
    plain = as_stored(encoded).removesuffix(_END)
    labels = tuple(plain.split(_END))
    if _BEYOND in plain:
        labels = tuple(re.sub("\x02[\x02\x03]", lambda found: _LABELS[found[0]], label) for label in labels)
    return labels[0] if len(labels) == 1 else labels


def _escaped(label: str) -> str:
    # Few labels have one of these, and looking for a pattern takes as long as all the rest.
    if _END in label or _BEYOND in label:
        return re.sub("[\x01\x02]", lambda found: _ESCAPED[found[0]], label)
    return label


def below_owner(encoded: str) -> tuple[str, str]:
    """Return the range of stored owners that begin with an owner's labels: from the first on, before the second."""
    return encoded, encoded[:-1] + _BEYOND


def as_stored(encoded: str | bytes) -> str:
    """Return the stored form as text; some databases return bytes."""
    return encoded if isinstance(encoded, str) else bytes(encoded).decode(errors="replace")


def cursor_of(labels: tuple[str, ...]) -> str:
    """Return an opaque text for some labels, by which a list goes on behind them."""
    return urlsafe_b64encode("\0".join(labels).encode()).decode().rstrip("=")


def labels_of_cursor(cursor: object) -> tuple[str, ...]:
    """Return the labels of a cursor.

    Raises:
        ValueError: It is not a cursor.
    """
    try:
        if not isinstance(cursor, str):
            raise TypeError  # noqa: TRY301 - all that is no cursor has one error
        labels = tuple(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("\0"))
        if not all(labels) or cursor_of(labels) != cursor:
            raise ValueError  # noqa: TRY301 - as above
    except (TypeError, ValueError):
        raise ValueError(
            "after must be the cursor of a listed memory or namespace. Nothing was read. Use after=page[-1].cursor."
        ) from None
    return labels

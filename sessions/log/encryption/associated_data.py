"""The associated data of an encrypted payload: the entry's other columns, to which the payload is bound.

A JSON array of the entry's id, version, turn, kind, tool name, author, created_at, expires_at and format, in UTF-8
without white space, escaped as RFC 8785 says. SQLite's ``json_array`` writes the same, so there the columns leave the
database as one value, which costs half of fetching them one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from collections.abc import Callable

_encode: Callable[[tuple[Any, ...]], bytes] = msgspec.json.Encoder().encode

COLUMNS: Final = len(EntryRow._fields) - 1
"""All but the payload, which is the last. `ENCRYPTED_BACKWARD` in `log/statements/entries.py` writes the same."""


def associated_data(entry: tuple[Any, ...]) -> bytes:
    """Return the data that the payload of an entry is bound to; raise `ValueError` if a column cannot be written."""
    return _encode(entry[:COLUMNS])

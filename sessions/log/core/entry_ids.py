"""The ids of entries that users see: opaque texts, made of an entry's internal id and of the version that added it.

An internal id is a place: after a pop, the next append puts another entry there. The version tells the two apart. The
text is ASCII and needs no escaping in a URL, in HTML or in a CSS selector. JavaScript takes it for no number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.ids import MAX_OWNER, MAX_POSITION, POSITION_BITS, owner_of, position_of
from sessions.db.lists import parts
from sessions.errors import UnknownEntryError
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.db.transaction import Transaction

_HEX: Final = "([1-9a-f][0-9a-f]{0,15})"
_TEXT: Final = re.compile(f"e{_HEX}-{_HEX}-{_HEX}")
_MAX_VERSION: Final = (1 << 63) - 1


class EntryId(NamedTuple):
    """An entry's internal id, and the version that added the entry."""

    entry: int
    version: int

    @property
    def text(self) -> str:
        """The id that users see."""
        return f"e{owner_of(self.entry):x}-{position_of(self.entry):x}-{self.version:x}"


def parse_entry_id(text: object, session_id: str) -> EntryId:
    """Return the id that a text stands for; whether the session has such an entry, the caller finds out.

    Raises:
        TypeError: It is not text.
        UnknownEntryError: No entry has such an id.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"an entry's id must be a string, not {type(text).__name__}. Nothing was done. Use an id as "
            "`entries` returns it."
        )
    found = _TEXT.fullmatch(text)
    segment, position, version = (int(part, 16) for part in found.groups()) if found else (0, 0, 0)
    if not (0 < segment <= MAX_OWNER and position <= MAX_POSITION and version <= _MAX_VERSION):
        raise UnknownEntryError(
            f"session {session_id!r}: the given text is not the id of an entry. Nothing was changed. Use an "
            "id as `entries` returns it."
        )
    return EntryId((segment << POSITION_BITS) + position, version)


def unknown_entry(session_id: str, what: str = "that id") -> UnknownEntryError:
    """Return the error for an entry that the session does not have."""
    return UnknownEntryError(
        f"session {session_id!r} has no entry with {what}: it was removed or has expired, or belongs to "
        "another session. Nothing was changed. Read the entries again."
    )


def find_entry_ids(tx: Transaction, entries: Iterable[int]) -> dict[int, EntryId]:
    """Return the ids of stored entries by their internal ids, without those that are not there."""
    wanted = sorted(set(entries))
    found: dict[int, EntryId] = {}
    for values in parts("e", entry_statements.AT_ONCE, wanted):
        rows = tx.all(entry_statements.VERSIONS_OF, **values)
        found.update((entry, EntryId(entry, version)) for entry, version in rows)
    return found

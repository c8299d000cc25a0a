"""Ids of rows that belong together: the owner's number and a position in one 64-bit integer.

Rows of one owner are neighbours on disk and need no second index. All components divide the bits alike: 2^28 positions
for each owner (a segment of a conversation, a namespace, a chain of versions) and 2^35 owners, enough for 400 new ones
a second for a thousand days. No owner's number is used twice. A transaction that takes a number or a position checks it
here: beyond the last one, a row's id would be that of another owner.
"""

from __future__ import annotations

from typing import Final

from sessions.errors import StoreFullError

POSITION_BITS: Final = 28
"""A row's id is ``owner << POSITION_BITS | position``; in statements, ``owner * {positions} + position``."""

POSITIONS: Final = 1 << POSITION_BITS
"""An owner has fewer positions than this."""

MAX_OWNER: Final = (1 << (63 - POSITION_BITS)) - 1
"""The highest owner for which an id of 64 bits, one of which is the sign, has room."""

MAX_POSITION: Final = POSITIONS - 2
"""The highest position of a row; one more can be written behind it, as the end of a range."""

WORDS: Final = {
    "positions": str(POSITIONS),
    "last_position": str(POSITIONS - 1),
    "max_position": str(MAX_POSITION),
    "max_owner": str(MAX_OWNER),
}
"""The same in statements."""


def owner_of(row_id: int) -> int:
    """Return the owner's number in a row's id."""
    return row_id >> POSITION_BITS


def position_of(row_id: int) -> int:
    """Return the position in a row's id."""
    return row_id & (POSITIONS - 1)


def check_number(owner: int, subject: str, owners: str, *, most: int = MAX_OWNER) -> int:
    """Return a number that the database gave to a new owner, if it is not beyond the last one.

    Args:
        owner: The number.
        subject: Whose operation this is, for the error: "session 's'".
        owners: The things with such numbers, for the error: "segments".
        most: The last number.

    Raises:
        StoreFullError: All numbers are taken. The transaction must be rolled back.
    """
    if owner > most:
        raise StoreFullError(
            f"{subject}: this database has used all {most:,} numbers of {owners}. Nothing was changed. Existing ones "
            "can still be read and extended. For new ones, use another database or another table_prefix."
        )
    return owner


def check_position(position: int, subject: str, rows: str) -> int:
    """Return the position of an owner's new last row, if it is not beyond the last one.

    Raises:
        StoreFullError: The owner has no position left. The transaction must be rolled back.
    """
    if position > MAX_POSITION:
        raise StoreFullError(
            f"{subject} cannot hold more than {MAX_POSITION:,} {rows}. Nothing was changed. Continue in a new one."
        )
    return position


def id_of(owner: int, position: int) -> int:
    """Return the id of an owner's row at a position."""
    return owner << POSITION_BITS | position


def ids_of(owner: int) -> tuple[int, int]:
    """Return the lowest and the highest id that a row of an owner can have."""
    low = owner << POSITION_BITS
    return low, low + POSITIONS - 1

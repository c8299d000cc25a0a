"""Marks by which a repeated command is known, so that it can be sent again if its answer is lost.

A command on a server brings 8 random bytes. The row of each namespace that it changes keeps the marks of the last
commands, each with the version that the command reached, and so they cost no statement. A command that finds its mark
is done already. If so many others came meanwhile that its mark may have been pushed out, nobody knows.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from sessions.errors import OutcomeUnknownError
from sessions.memory.locking import subject_of

if TYPE_CHECKING:
    from sessions.memory.locking import LockedSpace

_BYTES: Final = 8
PAIR: Final = 2 * _BYTES
"""The length of a mark with its version, which is big-endian."""

_KEPT: Final = 16
"""How many a namespace keeps."""

KEPT_BYTES: Final = _KEPT * PAIR


class Mark:
    """The mark of one command, and how far its attempts have come.

    Attributes:
        value: Its bytes.
        is_in_doubt: Whether an attempt of one statement may have been committed, of which only its answer would tell
            how far it came.
    """

    __slots__ = ("_reached", "is_in_doubt", "value")

    def __init__(self) -> None:
        self.value = os.urandom(_BYTES)
        self.is_in_doubt = False
        self._reached: dict[int, int] = {}

    def note(self, space: LockedSpace) -> bytes:
        """Return the marks of a namespace with this one, which has reached its version."""
        self._reached[space.id] = space.version
        return (self.value + space.version.to_bytes(_BYTES, "big") + space.marks)[:KEPT_BYTES]

    def reached(self, space: LockedSpace) -> int | None:
        """Return the version of a namespace that an earlier attempt has reached; ``None`` if it changed nothing.

        Raises:
            OutcomeUnknownError: Nobody knows whether it did.
        """
        pairs = [space.marks[at : at + PAIR] for at in range(0, len(space.marks), PAIR)]
        for pair in pairs:
            if pair[:_BYTES] == self.value:
                return int.from_bytes(pair[_BYTES:], "big")
        earlier = self._reached.get(space.id)
        if len(pairs) < _KEPT or (earlier is None and not self.is_in_doubt):
            return None
        oldest = int.from_bytes(pairs[-1][_BYTES:], "big")
        if earlier is not None and (space.version < earlier or oldest <= earlier):
            return None
        raise OutcomeUnknownError(
            f"{subject_of(space.path)}: the answer to a change was lost, and others have changed it since. The change "
            "was saved completely or not at all. Read the memory to find out."
        )

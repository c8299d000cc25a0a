"""Memories in the order of time: those that were put last, or whose keys were put first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sessions.db.command import LONG, Command
from sessions.memory.listing import BRIEF, Below
from sessions.memory.rows import MemoryRow
from sessions.memory.statements import listing as statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.command import Long
    from sessions.db.transaction import Transaction

_FEW: Final = 1024
"""Memories that are put in order in little time."""


class ByAge(Command[list[MemoryRow]], msgspec.Struct, frozen=True, eq=False):
    """Find the first memories in the order of time; no index has that order, so that the cost rises with their number.

    Attributes:
        below: Which memories.
        count: The number of them at most.
        newest: Those that were put last, the latest first; else those whose keys were put first, the first one first.
    """

    below: Below
    count: int
    newest: bool

    def __call__(self, tx: Transaction) -> list[MemoryRow]:
        """Do it in `tx`."""
        below = self.below
        statement = statements.by_age(newest=self.newest, owned=below.is_owned)
        rows = tx.all(statement, low=below.low, now=below.now, count=self.count, **below.values)
        return [MemoryRow.of(row) for row in rows]

    @property
    def briefly(self) -> Callable[[Transaction], list[MemoryRow] | Long] | None:
        """Few memories of a few namespaces take little time."""
        return self._briefly if self.count <= BRIEF else None

    def _briefly(self, tx: Transaction) -> list[MemoryRow] | Long:
        below = self.below
        spaces, given = tx.the(statements.WIDTH, low=below.low, high=below.high)
        return self(tx) if spaces <= statements.SPACES_AT_ONCE and given <= _FEW else LONG

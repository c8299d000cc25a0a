"""Finds calls that were answered later, whose placeholders are then replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.items.calls import answers_of, calls_of
from sessions.log.core.heads import lineage
from sessions.log.core.reader import UNREADABLE
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.items.parts import Call
    from sessions.log.core.heads import Head


class Answers:
    """Which calls were answered behind a position of a branch. It reads no more than it is asked about."""

    def __init__(self, tx: Transaction, head: Head) -> None:
        self._tx = tx
        self._head = head
        self._read_from = head.tip
        # Some models reuse the ids of calls: whether the next item is an output, or a new call.
        self._next: dict[Call, bool] = {}

    def came(self, call: Call, position: int) -> bool:
        """Tell whether an output came for a call that was made before a position.

        It is asked from the end on.

        Raises:
            DecryptionError: A payload was altered.
        """
        reader = self._head.reader
        for stretch in lineage(self._tx, self._head) if position < self._read_from else ():
            ids = stretch.ids(max(position, stretch.low), min(self._read_from, stretch.high))
            if ids["low"] < ids["high"]:
                for row in self._tx.all(entry_statements.CALLS_BACKWARD, **ids, **reader.visible):
                    self._note(reader.open_or_unreadable(row))
        self._read_from = min(position, self._read_from)
        return self._next.get(call, False)

    def came_for(self, placeholder: Any, position: int) -> bool:
        """Tell whether the output came for which a placeholder stands; the call was made before the position."""
        return any(self.came(call, position) for call in answers_of(placeholder))

    def _note(self, item: Any) -> None:
        if item is UNREADABLE:
            return
        self._next.update(dict.fromkeys(answers_of(item), True))
        self._next.update(dict.fromkeys(calls_of(item), False))

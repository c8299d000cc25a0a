"""The messages of a thread's checkpoints as a tree: each message once, below those that came before it.

The tree knows no times of messages but this: a message is as old as the first checkpoint that has it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Message(NamedTuple):
    """A message in the tree: the number of the one before it, 0 for none; its payload and item; and its time."""

    before: int
    payload: bytes
    item: dict[str, Any]
    made_at: int


class Way(NamedTuple):
    """A list of messages that a checkpoint without a follower has, by their numbers in the tree.

    Attributes:
        checkpoint_id: The checkpoint.
        numbers: The messages, oldest first.
    """

    checkpoint_id: str
    numbers: list[int]


class MessageTree:
    """The messages of the checkpoints that were added, in any order but a parent's before its own."""

    def __init__(self) -> None:
        self.messages: list[Message] = [Message(0, b"", {}, 0)]
        self._numbers: dict[tuple[int, bytes], int] = {}
        self._ends: dict[str, int] = {}
        self._parents: set[str] = set()
        self.latest: str | None = None

    def add(
        self, checkpoint_id: str, parent_id: str | None, made_at: int, items: Iterable[tuple[bytes, dict[str, Any]]]
    ) -> None:
        """Add a checkpoint's messages. Adding them again changes nothing."""
        at = 0
        for payload, item in items:
            number = self._numbers.get((at, payload))
            if number is None:
                number = self._numbers[at, payload] = len(self.messages)
                self.messages.append(Message(at, payload, item, made_at))
            at = number
        self._ends[checkpoint_id] = at
        if parent_id is not None:
            self._parents.add(parent_id)
        self.latest = max(checkpoint_id, self.latest or "")

    def payloads(self, checkpoint_id: str | None) -> list[bytes]:
        """Return the payloads of the messages of a checkpoint, oldest first; none of one that was not added."""
        return [self.messages[number].payload for number in self._numbers_to(self._ends.get(checkpoint_id or "", 0))]

    def ways(self) -> list[Way]:
        """Return the ways, that of the latest checkpoint first, then the newer before the older.

        A way that is the beginning of another one is left out, unless it is the latest checkpoint's.
        """
        ends = [(id_, end) for id_, end in sorted(self._ends.items(), reverse=True) if id_ not in self._parents]
        passed: set[int] = set()
        found: list[Way] = []
        # A longer way is looked at before those that it contains.
        depths = {id_: self._numbers_to(end) for id_, end in ends}
        for id_, end in sorted(ends, key=lambda one: -len(depths[one[0]])):
            if end not in passed or id_ == self.latest:
                found.append(Way(id_, depths[id_]))
            passed.update(depths[id_])
        return sorted(found, key=lambda way: way.checkpoint_id, reverse=True)

    def _numbers_to(self, end: int) -> list[int]:
        numbers = []
        while end:
            numbers.append(end)
            end = self.messages[end].before
        return numbers[::-1]

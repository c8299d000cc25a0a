"""Adopting the branches of a session of the OpenAI Agents SDK.

Its branches are lists of messages; one that was made from another begins with the same ones. So each becomes a fork of
the one with the longest common beginning, and only its own rest is stored.
"""

from __future__ import annotations

from heapq import merge
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.db.ids import id_of
from sessions.log.core.change_log import record_change
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.extend import add_entries
from sessions.log.core.fork import fork
from sessions.log.core.heads import MAIN, entry_at, find_head, lineage
from sessions.log.core.locking import bump_version
from sessions.log.core.turns import turn_at
from sessions.validation import MAX_NAME_BYTES

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.adopt.sdk_tables import Message, Place
    from sessions.log.conversation import Conversation
    from sessions.log.core.extend import NewEntry
    from sessions.log.core.locking import LockedSession

_MAIN: Final = MAIN.encode()
_BLANK: Final = "branch"
"""What a branch is called whose name was blank."""


class ForeignBranch(NamedTuple):
    """A branch on its way into the log.

    Attributes:
        key: Its name in the SDK's tables.
        name: Its name in the log.
        path: Its messages, as indexes of the session's messages.
        turns: By the SDK's number, the position (from 1) of a turn's last message.
        created_at: When it was made, in microseconds since 1970, UTC.
    """

    key: bytes
    name: str
    path: list[int]
    turns: dict[Any, int]
    created_at: int


def arrange(messages: Sequence[Message], places: Iterable[Place], now: int) -> list[ForeignBranch]:
    """Return the branches, ``main`` first and then in the order in which they were made.

    A message that is on no branch is on ``main``, by the order of ids: the SDK's plain sessions put none on one.
    """
    indexes: dict[Any, list[int]] = {}
    for index, message in enumerate(messages):
        indexes.setdefault(message.id, []).append(index)
    found: dict[bytes, dict[int, Place]] = {_MAIN: {}}
    placed = set()
    for place in places:
        for index in indexes.get(place.message, ()):
            found.setdefault(place.branch, {}).setdefault(index, place)
            placed.add(index)
    nowhere = (index for index in range(len(messages)) if index not in placed)
    made = {key: min((place.created_at for place in of.values()), default=now) for key, of in found.items()}
    branches: list[ForeignBranch] = []
    taken: set[str] = set()
    for key in sorted(found, key=lambda key: (key != _MAIN, made[key])):
        path = list(merge(found[key], nowhere)) if key == _MAIN else list(found[key])
        name = _name(key, taken)
        taken.add(name)
        turns = {found[key][index].turn: position for position, index in enumerate(path, 1) if index in found[key]}
        branches.append(ForeignBranch(key, name, path, turns, made[key]))
    return branches


def put_branches(
    tx: Transaction,
    locked: LockedSession,
    branches: Sequence[ForeignBranch],
    entries: Sequence[tuple[NewEntry, int]],
    *,
    now: int,
) -> None:
    """Store branches in a session that has just been made, each entry once.

    A message that is on two branches behind different ones is stored on both; the second notes the first.

    Args:
        tx: A transaction.
        locked: The session.
        branches: Its branches, ``main`` first.
        entries: Its messages as entries, each with the time at which it was made.
        now: The time, in microseconds since 1970, UTC.
    """
    holders = _Holders()
    stored: dict[int, EntryId] = {}
    for branch in branches:
        source, shared = holders.find(branch.path)
        of_branch = locked
        if branch.name != MAIN:
            of_branch = bump_version(tx, locked.conversation, now, branch.name, guard=False) or locked
            head: Any = find_head(tx, locked.conversation, source)
            stretches = lineage(tx, head)
            turn = turn_at(tx, stretches, shared)
            fork(tx, of_branch, head, stretches, tip=shared, turn=turn, now=branch.created_at)
            record_change(tx, of_branch, "branched", now)
        own = branch.path[shared:]
        # A branch's row is made with its first entry, and was last changed with its last one.
        for part in (own[:1], own[1:]):
            if part:
                new, times = zip(*(entries[index] for index in part), strict=True)
                copied = not stored.keys().isdisjoint(part)
                if copied:
                    new = tuple(
                        msgspec.structs.replace(entry, source=stored.get(index))
                        for entry, index in zip(new, part, strict=True)
                    )
                tip = add_entries(tx, of_branch, new, times[-1], created_at=times, copied=copied)
                if len(branches) > 1:
                    made: Any = find_head(tx, locked.conversation, branch.name)
                    for index, id_ in zip(part, count(id_of(made.segment, tip) - len(part) + 1), strict=False):
                        stored.setdefault(index, EntryId(id_, of_branch.version))
        holders.note(branch.path, branch.name)


def entries_of_turns(tx: Transaction, conversation: Conversation, branch: ForeignBranch) -> dict[Any, tuple[int, int]]:
    """Return, by the SDK's number of each turn of a branch, its last entry and its number in the log."""
    head = find_head(tx, conversation, branch.name)
    stretches = lineage(tx, head) if head else []
    return {
        turn: (entry_at(stretches, position), turn_at(tx, stretches, position))
        for turn, position in branch.turns.items()
    }


class _Holders:
    """Which branch holds which beginning: a tree of the messages of all branches so far."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, int], int] = {}
        self._holder = [MAIN]

    def find(self, path: Sequence[int]) -> tuple[str, int]:
        """Return the branch that has the longest beginning of a path, and its length."""
        at = shared = 0
        for index in path:
            there = self._next.get((at, index))
            if there is None:
                break
            at, shared = there, shared + 1
        return self._holder[at], shared

    def note(self, path: Sequence[int], branch: str) -> None:
        """Note that a branch holds a path."""
        at = 0
        for index in path:
            if (at, index) not in self._next:
                self._next[at, index] = len(self._holder)
                self._holder.append(branch)
            at = self._next[at, index]


def _name(key: bytes, taken: Container[str]) -> str:
    """Return a branch's name, made fit to be one here; two that come out the same get numbers."""
    text = "".join(char if char.isprintable() else "\ufffd" for char in key.decode(errors="replace"))
    text = text if text.strip() else _BLANK
    number, name = 1, _cut(text, MAX_NAME_BYTES)
    while name in taken:
        number += 1
        suffix = f"_{number}"
        name = _cut(text, MAX_NAME_BYTES - len(suffix)) + suffix
    return name


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")

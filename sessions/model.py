"""Frozen records: what the store knows of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class SessionInfo:
    """A session in a store's list.

    Attributes:
        session_id: The id it was made with.
        created_at: When its first item was added (UTC).
        updated_at: When it was last changed (UTC).
        item_count: How many items its current branch holds.
        cursor: Where this session stands in the list; an opaque text for `Store.sessions(after=…)`. It stays valid
            when the session is deleted.
    """

    session_id: str
    created_at: datetime
    updated_at: datetime
    item_count: int
    cursor: str


@dataclass(frozen=True)
class Branch:
    """A branch of a session.

    Attributes:
        name: Its name.
        current: Whether it is the session's current one.
        items: How many items it holds.
        turns: How many turns; what comes before the first message of a user belongs to none.
        position: The position of its last item, from 1; 0 if there is none. Positions rise, not always by 1.
        lineage: The names of the branches it was made from, oldest first, without its own.
        fork_position: The last position it shared with the one it was made from; ``None`` for one made from nothing.
        fork_turn: The number of turns up to there.
        redoable: How often `redo` would bring something back.
        created_at: When it was made (UTC).
        last_activity: When something was last added to it or taken from it (UTC).
    """

    name: str
    current: bool
    items: int
    turns: int
    position: int
    lineage: tuple[str, ...]
    fork_position: int | None
    fork_turn: int | None
    redoable: int
    created_at: datetime
    last_activity: datetime


@dataclass(frozen=True)
class Comparison:
    """Two branches, compared.

    Attributes:
        common: The items that both hold, oldest first.
        first: What only the first one holds after them.
        second: What only the second one holds after them.
        position: The position of the last common item; 0 if there is none.
    """

    common: list[Any]
    first: list[Any]
    second: list[Any]
    position: int


@dataclass(frozen=True)
class Turn:
    """A message of a user and all that follows it, up to the next one.

    Attributes:
        number: From 1 along a branch; 0 for what comes before the first message of a user.
        items: Its items, oldest first.
        position: The position of its first item: the cursor for `turns(before=…)`.
        last_position: The position of its last item: the cursor for `turns(after=…)`.
        created_at: When its first item was added (UTC).
    """

    number: int
    items: list[Any]
    position: int
    last_position: int
    created_at: datetime


@dataclass(frozen=True)
class Sibling:
    """One of the ways in which a conversation went on in a turn, as in "2 / 3".

    Attributes:
        turn: The turn's number.
        number: Which of them it is, from 1, in the order in which they came to be.
        count: How many there are.
        current: Whether it is the one on the session's branch.
        branch: The branch that holds it; ``None`` if it was left by undoing or by choosing another.
        last_activity: When the conversation last went on from there (UTC).
        entry: Where the turn ends there; opaque.
    """

    turn: int
    number: int
    count: int
    current: bool
    branch: str | None
    last_activity: datetime
    entry: int

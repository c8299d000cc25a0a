"""An item, and the frozen records that sessions and stores return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from datetime import datetime

ChangeKind: TypeAlias = Literal[
    "appended", "popped", "undone", "redone", "cleared", "switched", "branched", "renamed", "branch_deleted",
    "sibling_chosen", "repaired", "handed_over", "compacted", "expanded", "purged", "reencrypted", "reset",
    "info_changed", "attempt_begun", "attempt_chosen", "attempt_kept", "attempt_dropped", "redacted", "removed",
]  # fmt: skip
"""The kinds of `Change`. Later versions may add more."""

Item: TypeAlias = Any
"""One JSON object, as the runner made it: a message, a tool call, a tool output or a piece of reasoning.

The type is `Any` because frameworks type items as unions of typed dictionaries, and a list of those is only compatible
with ``list[Any]``. `add_items` refuses anything that is not a JSON object.
"""


class ItemDict(TypedDict, total=False):
    """The keys that most items have, for type checkers and editors. Every key is optional, and items may have others.

    `get_items` returns `Any`, which fits a framework's own types as well as this one.

    Example: ``items: list[ItemDict] = await session.get_items()``
    """

    type: str
    """``message``, ``function_call``, ``function_call_output``, ``reasoning`` …; optional for messages."""
    id: str
    status: str
    role: str
    """Of a message: ``user``, ``assistant``, ``system``, ``developer`` or ``tool``."""
    content: Any
    """Of a message: a text, or a list of parts."""
    call_id: str
    """Of a tool call and of its output."""
    name: str
    """The tool's name."""
    arguments: str
    """Of a call: JSON."""
    output: Any
    """Of a tool output: the tool's result."""
    tool_calls: list[Any]
    """Calls in a message, as Chat Completions has them."""
    tool_call_id: str
    """Of an output, as Chat Completions has it."""
    summary: list[Any]
    """Of a piece of reasoning."""
    encrypted_content: str | None
    to: str
    """Of a handover: the agent or person that continues."""
    note: str
    """Of a handover: a message for the one that continues."""
    items: list[Any]
    """Of a summary: the items that models see instead."""


@dataclass(frozen=True)
class Branch:
    """A branch of a session.

    Attributes:
        name: Its name.
        current: Whether it is the session's current branch.
        items: The number of its items.
        turns: The number of its turns. Expired turns count too, because they keep their numbers. Items before the first
            user message belong to no turn.
        position: The position of its last item, from 1; 0 for an empty branch. Positions rise, not always by 1.
        lineage: The names of the branches that it was forked from, oldest first, without its own.
        fork_position: The last position that it shares with its parent; ``None`` if it has no parent.
        fork_turn: The number of turns up to there; ``None`` if it has no parent.
        redoable: How many times `redo` can be called.
        created_at: When it was made (UTC).
        last_activity: When items were last added to it or removed from it (UTC).
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
        common: The items on both branches, oldest first.
        first: The items that only the first branch has, after the common ones.
        second: The items that only the second branch has, after the common ones.
        position: The position of the last common item; 0 if they share nothing.
    """

    common: list[ItemDict]
    first: list[ItemDict]
    second: list[ItemDict]
    position: int


@dataclass(frozen=True)
class Turn:
    """A user's message and everything up to the next one.

    Attributes:
        number: Its number along the branch, from 1. Turn 0 holds the items before the first user message.
        items: Its items, oldest first.
        position: The position of its first item: the cursor for `turns(before=…)`.
        last_position: The position of its last item: the cursor for `turns(after=…)`.
        created_at: When its first item was added (UTC).
    """

    number: int
    items: list[ItemDict]
    position: int
    last_position: int
    created_at: datetime


@dataclass(frozen=True)
class Entry:
    """A stored item with its position, turn, kind, author and times.

    Attributes:
        id: Its id: short ASCII text that is safe in JSON, HTML and URLs. It never changes, and no later entry gets the
            same one, even at the same position. Treat it as opaque.
        parent_id: The id of the entry before it, the same on every branch; ``None`` for the first entry.
        position: Its place on the branch and the cursor for `entries`. Positions rise from 1, not always by 1.
        turn: The number of its turn; 0 before the first user message.
        kind: ``user``, ``assistant``, ``system``, ``developer``, ``tool_call``, ``tool_output``, ``hosted_tool_call``,
            ``reasoning``, or the item's own type; ``placeholder`` for an output that `repair` added.
        tool: The name of the tool that the item calls; ``None`` for other items.
        author: The author: an agent's name, or the name given to `as_author`; ``None`` if unknown.
        created_at: When it was added (UTC).
        expires_at: When it expires (UTC); ``None`` if it has no expiry of its own.
        item: The item.
        hidden: Whether models never see it, because it describes the conversation: a ``handover``, a ``summary`` of
            earlier items, or an ``expansion``, which reverts a summary.
        key: The item's own id, as given to ``add_items(items, keys=[…])``; ``None`` without one.
    """

    id: str
    parent_id: str | None
    position: int
    turn: int
    kind: str
    tool: str | None
    author: str | None
    created_at: datetime
    expires_at: datetime | None
    item: ItemDict
    hidden: bool = False
    key: str | None = None


@dataclass(frozen=True)
class Summary:
    """A summary that models see in place of older entries. The entries themselves are kept.

    Attributes:
        position: The position of the summary's own entry.
        first: The position of the first entry that it replaces: ``entries(after=first - 1, before=last + 1)``.
        last: The position of the last entry that it replaces.
        items: The items that models see instead, oldest first.
        created_at: When it was made (UTC).
    """

    position: int
    first: int
    last: int
    items: list[ItemDict]
    created_at: datetime


@dataclass(frozen=True)
class Sibling:
    """One of the alternative versions of a turn, as in "2 / 3".

    Attributes:
        turn: The turn's number.
        number: Its number among the siblings, from 1, in the order in which they were made.
        count: The number of siblings.
        current: Whether it is on the branch that this session object is on.
        branch: The branch that holds it; ``None`` for an alternative that was left by `undo` or `choose`.
        last_activity: When the conversation last continued from it (UTC).
        entry: The id of the turn's last entry in this alternative; see `Entry.id`.
        undone: Whether `redo` returns to it.
    """

    turn: int
    number: int
    count: int
    current: bool
    branch: str | None
    last_activity: datetime
    entry: str
    undone: bool = False


@dataclass(frozen=True)
class Change:
    """A change of a session, as `watch` returns it.

    Attributes:
        version: The session's version after the change. Pass it to `watch(after=…)` to continue from here.
        kind: ``appended``, ``popped``, ``undone``, ``redone``, ``cleared``, ``switched``, ``branched``, ``renamed``,
            ``branch_deleted``, ``sibling_chosen``, ``repaired``, ``handed_over``, ``compacted``, ``expanded``,
            ``purged``, ``reencrypted``, ``info_changed``, ``attempt_begun``, ``attempt_chosen``, ``attempt_kept``,
            ``attempt_dropped``, ``redacted`` or ``removed``; later versions may add more. After the last two, reload
            what is shown: entries have another content, or are gone. ``reset`` means that the history cannot be
            replayed from here, as too much happened or the session was deleted: reload the session.
        branch: The present name of the branch that items were added to; ``None`` if none were added, it was
            deleted, or they were added in an attempt that still runs.
        items: The added items that still exist, oldest first; for a handover, ``{"type": "handover", "to": …}``.
        positions: The items' positions.
        created_at: When the change was made (UTC).
    """

    version: int
    kind: ChangeKind
    branch: str | None
    items: list[ItemDict]
    positions: list[int]
    created_at: datetime

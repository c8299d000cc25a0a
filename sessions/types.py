"""An item, and frozen records of what the store knows of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from datetime import datetime

ChangeKind: TypeAlias = Literal[
    "appended", "popped", "undone", "redone", "cleared", "switched", "branched", "renamed", "branch_deleted",
    "sibling_chosen", "repaired", "handed_over", "compacted", "expanded", "purged", "reencrypted", "reset",
]  # fmt: skip
"""What a `Change` did. Later versions may have more."""

Item: TypeAlias = Any
"""One JSON object as the runner made it: a message, a tool call, a tool output, a piece of reasoning.

Frameworks type their items as unions of typed dictionaries, and a list of those is only compatible with a list of
`Any`; hence no narrower name here. What is not a JSON object is refused when it is added.
"""


class ItemDict(TypedDict, total=False):
    """The keys that items have in common, for type checkers and editors: an item has some of them, and may have others.

    `get_items` returns `Any`, which fits a framework's own types and this one:
    ``items: list[ItemDict] = await session.get_items()``.
    """

    type: str
    """``message``, ``function_call``, ``function_call_output``, ``reasoning`` …; a message needs none."""
    id: str
    status: str
    role: str
    """Of a message: ``user``, ``assistant``, ``system``, ``developer`` or ``tool``."""
    content: Any
    """Of a message: a text, or a list of parts."""
    call_id: str
    """Of a call of a tool, and of its output."""
    name: str
    """The tool's name."""
    arguments: str
    """Of a call: JSON."""
    output: Any
    """What the tool returned."""
    tool_calls: list[Any]
    """Calls in a message, as Chat Completions has them."""
    tool_call_id: str
    """Of an output, as Chat Completions has it."""
    summary: list[Any]
    """Of a piece of reasoning."""
    encrypted_content: str | None
    to: str
    """Of a handover: who goes on."""
    note: str
    """Of a handover: what they should know."""
    items: list[Any]
    """Of a summary: what models are shown instead."""


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
        turns: How many turns, those included that have expired, as they keep their numbers; what comes before the
            first message of a user belongs to none.
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

    common: list[ItemDict]
    first: list[ItemDict]
    second: list[ItemDict]
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
    items: list[ItemDict]
    position: int
    last_position: int
    created_at: datetime


@dataclass(frozen=True)
class Entry:
    """A stored item, with what the store knows of it.

    Attributes:
        position: Where it stands: rises along a branch, from 1, not always by 1; the cursor for `entries`.
        turn: The number of its turn; 0 before the first message of a user.
        kind: ``user``, ``assistant``, ``system``, ``developer``, ``tool_call``, ``tool_output``, ``hosted_tool_call``,
            ``reasoning``, or another type as the item gives it; ``placeholder`` for an output that `repair` made up.
        tool: The name of the tool that it calls, if it calls one.
        author: Who added it, if that was said: the name of an agent, or of `as_author`.
        created_at: When it was added (UTC).
        expires_at: When it will not be there any more (UTC); ``None`` if it does not expire by itself.
        item: The item.
        hidden: Whether no model is shown it, as it says something of the conversation: a ``handover``, a ``summary``
            of what came before, or an ``expansion``, which takes a summary back.
    """

    position: int
    turn: int
    kind: str
    tool: str | None
    author: str | None
    created_at: datetime
    expires_at: datetime | None
    item: ItemDict
    hidden: bool = False


@dataclass(frozen=True)
class Summary:
    """What models are shown in place of a part of a conversation, which stays as it is.

    Attributes:
        position: The position of its own entry.
        first: The position of the first entry that it stands for: ``entries(after=first - 1, before=last + 1)``.
        last: That of the last one.
        items: What is shown instead, oldest first.
        created_at: When it was made (UTC).
    """

    position: int
    first: int
    last: int
    items: list[ItemDict]
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


@dataclass(frozen=True)
class Change:
    """A change of a session, as `watch` shows it.

    Attributes:
        version: The session's version since then: the place from which `watch(after=…)` goes on.
        kind: ``appended``, ``popped``, ``undone``, ``redone``, ``cleared``, ``switched``, ``branched``, ``renamed``,
            ``branch_deleted``, ``sibling_chosen``, ``repaired``, ``handed_over``, ``compacted``, ``expanded``,
            ``purged`` or ``reencrypted``; later versions may have more. ``reset``: the history cannot be replayed from
            here, as too much happened or the session was deleted: reload the session.
        branch: The branch that items were added to, by its present name; ``None`` if none were, or it is gone.
        items: What was added and is still there, oldest first; of a handover, ``{"type": "handover", "to": …}``.
        positions: The items' positions.
        created_at: When that was (UTC).
    """

    version: int
    kind: ChangeKind
    branch: str | None
    items: list[ItemDict]
    positions: list[int]
    created_at: datetime


@dataclass(frozen=True)
class ErasureReceipt:
    """What `Store.erase` removed of a session, and what is left to do. Copies, as backups, are not known here.

    Attributes:
        session_id: The session.
        erased_at: When its rows were removed (UTC).
        existed: Whether there was anything of it.
        entries: How many stored items were removed, in all branches, expired ones included.
        branches: How many branches, and tips that undoing and editing had left.
        segments: How many runs of entries.
        idempotency_keys: How many keys of appends, those included that a store gives for retries.
        changes: How many notes of changes.
        usage: How many records of what model calls took.
        sdk_rows: How many rows of the OpenAI Agents SDK's own tables in the same database.
        pending: Where bytes of it may still be, and what finishes that; nothing if they are gone.
    """

    session_id: str
    erased_at: datetime
    existed: bool
    entries: int
    branches: int
    segments: int
    idempotency_keys: int
    changes: int
    usage: int
    sdk_rows: int
    pending: tuple[str, ...]


@dataclass(frozen=True)
class NotAdopted:
    """A session of the OpenAI Agents SDK that `store.adopt` has left where it is.

    Attributes:
        session_id: Its id; where that is no text, characters stand for what is missing.
        reason: Why, in a sentence. It holds no content of messages.
    """

    session_id: str
    reason: str


@dataclass(frozen=True)
class Adoption:
    """What `store.adopt` has done.

    Attributes:
        sessions: How many sessions were taken over.
        items: How many items they have, each message of the SDK's tables counted once.
        branches: How many branches, ``main`` of each session included.
        usage: How many records of what turns cost.
        unreadable: How many of the items cannot be read. They were taken over as they are; reading reports them.
        already: How many sessions were here before: taken over earlier, or begun here. They were left as they are.
        skipped: The sessions that were not taken over, and why.
    """

    sessions: int = 0
    items: int = 0
    branches: int = 0
    usage: int = 0
    unreadable: int = 0
    already: int = 0
    skipped: tuple[NotAdopted, ...] = ()

    def __add__(self, other: Adoption) -> Adoption:
        return Adoption(
            self.sessions + other.sessions,
            self.items + other.items,
            self.branches + other.branches,
            self.usage + other.usage,
            self.unreadable + other.unreadable,
            self.already + other.already,
            self.skipped + other.skipped,
        )


@dataclass(frozen=True)
class Rotation:
    """What rotating keys has done.

    Attributes:
        sessions: How many sessions were looked at.
        rewrapped: How many of them have new wrapped keys: with the current key, or with another data key.
        reencrypted: How many entries were encrypted again.
        failed: Sessions that cannot be opened with the keys here, and were left as they are; with any of them,
            `store.rotate` raises `RotationIncompleteError`.
    """

    sessions: int = 0
    rewrapped: int = 0
    reencrypted: int = 0
    failed: tuple[str, ...] = ()

    def __add__(self, other: Rotation) -> Rotation:
        return Rotation(
            self.sessions + other.sessions,
            self.rewrapped + other.rewrapped,
            self.reencrypted + other.reencrypted,
            self.failed + other.failed,
        )

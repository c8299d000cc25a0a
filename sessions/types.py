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


@dataclass(frozen=True)
class ErasureReceipt:
    """The receipt of `Store.erase`: the removed rows and the remaining work. Backups and other copies are not covered.

    Attributes:
        session_id: The session.
        erased_at: When its rows were removed (UTC).
        existed: Whether the database had any row of it.
        entries: The number of stored items removed, in all branches, including expired ones.
        branches: The number of branches removed, including former tips that undoing and editing left behind.
        segments: The number of runs of entries removed.
        idempotency_keys: The number of append keys removed, including those that a store makes for its own retries.
        changes: The number of change records removed.
        usage: The number of usage records removed.
        item_keys: The number of keys of items removed, and of notes that a branch has seen a key.
        info: The number of rows removed that held its title, metadata and tags.
        sdk_rows: The number of rows removed from the OpenAI Agents SDK's own tables in the same database.
        pending: Where bytes of it may still be, and how to finish that, in sentences; empty if nothing is left to do.
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
    info: int
    item_keys: int
    sdk_rows: int
    pending: tuple[str, ...]


@dataclass(frozen=True)
class CorrectionReceipt:
    """The receipt of `redact` and `remove`: the corrected entries and the remaining work. Backups are not covered.

    Attributes:
        session_id: The session.
        corrected_at: When its rows were changed (UTC).
        version: The session's version since then.
        entries: The number of stored entries that were redacted or removed: the one that was named, and its copies.
        ids: Their ids; empty if a way was removed.
        summaries: The ids of the dropped summaries.
        title: Whether the session's title, which was made of an entry, was removed.
        sdk_rows: The number of messages in the OpenAI Agents SDK's own tables that were redacted or removed, too.
        forks: The ids of other sessions that were forked with the entry, and of their forks: correct these, too.
        pending: Where the bytes may still be, and how to finish that, in sentences; empty if nothing is left to do.
    """

    session_id: str
    corrected_at: datetime
    version: int
    entries: int
    ids: tuple[str, ...]
    summaries: tuple[str, ...]
    title: bool
    sdk_rows: int
    forks: tuple[str, ...]
    pending: tuple[str, ...]


@dataclass(frozen=True)
class NotAdopted:
    """A session of the OpenAI Agents SDK that `store.adopt` skipped.

    Attributes:
        session_id: Its id. If the stored id is not valid text, replacement characters stand for the invalid parts.
        reason: The reason, in one sentence, without any message content.
    """

    session_id: str
    reason: str


@dataclass(frozen=True)
class Adoption:
    """The result of `store.adopt`.

    Attributes:
        sessions: The number of sessions taken over.
        items: The number of their items. Each message of the SDK's tables counts once.
        branches: The number of their branches, including each session's ``main``.
        usage: The number of usage records taken over.
        unreadable: The number of items that cannot be read. They were copied unchanged, and reading reports them.
        already: The number of sessions that were already here, taken over earlier or begun here. They were left
            unchanged.
        skipped: The sessions that were not taken over, with reasons.
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
    """The result of rotating keys.

    Attributes:
        sessions: The number of sessions examined.
        rewrapped: The number of sessions whose wrapped keys were replaced: wrapped with the current key, or extended by
            a new data key.
        reencrypted: The number of entries encrypted again.
        failed: The ids of sessions that the given keys cannot open, left unchanged. If there are any, `store.rotate`
            raises `RotationIncompleteError`.
        plain: The number of sessions in the database that `store.rotate` left unencrypted. To encrypt these too, open
            the store with ``allow_plain_text=True`` and rotate with ``reencrypt=True``.
    """

    sessions: int = 0
    rewrapped: int = 0
    reencrypted: int = 0
    failed: tuple[str, ...] = ()
    plain: int = 0

    def __add__(self, other: Rotation) -> Rotation:
        return Rotation(
            self.sessions + other.sessions,
            self.rewrapped + other.rewrapped,
            self.reencrypted + other.reencrypted,
            self.failed + other.failed,
            self.plain + other.plain,
        )


@dataclass(frozen=True)
class Copied:
    """The result of `store.copy`.

    Attributes:
        items: The number of items that this call added to the target.
        already: The number of items that were there already, as an earlier call had added them.
        left_out: The number of items that a target of another library was not given: they cannot be read, or a hosted
            conversation takes no such item, as reasoning without an id and without encrypted content.
    """

    items: int = 0
    already: int = 0
    left_out: int = 0

"""The lines of an export, one class for each type. docs/moving.md has the format for other programs.

A file begins with `Header` and ends with `Closing`. Between them, each session is a `SessionLine`, its runs, each a
`RunLine` followed by its entries, then the other types of `KINDS` in their order, and at last `EndLine`. After a
`VoidLine`, the lines since the last `SessionLine` do not count.

A run is a segment of the log, by its number in the session: 1 for the first, and parents have lower numbers. Internal
ids are in no line, as another database gives others.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from sessions.codecs.lines import NOTHING, ExportLine, is_item
from sessions.log.words import MARK

FORMAT: Final = 1
"""The number of this format. Any change of it gets another number: a reader never guesses."""

WITH_MEMORIES: Final = 2
"""The number of the format that has lines of memories, too, behind all sessions."""


class Header(ExportLine, tag="export", frozen=True):
    """The first line.

    Attributes:
        format: The number of the format.
        made_by: The program.
        made_at: When the export began.
        content: The wanted sessions, in words: an interrupted export is continued for the same ones only.
    """

    format: int
    made_by: str = ""
    made_at: int = 0
    content: str = ""


class SessionInfoLine(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Title, tags and metadata of a session, and how often they were set.

    `title_of` are run, position and version of the entry of whose item the title was made; see `CopyLine` for run 0.
    """

    version: int
    title: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    title_of: tuple[int, int, int] | None = None


class SessionLine(ExportLine, tag="session", frozen=True):
    """The beginning of a session; `encrypted` tells whether it was encrypted where it came from."""

    id: str
    version: int
    branch: str
    created_at: int
    updated_at: int
    active_at: int
    owner: tuple[str, ...] | None = None
    archived: bool = False
    cleared_in: int = 0
    encrypted: bool = False
    info: SessionInfoLine | None = None


class RunLine(ExportLine, tag="run", frozen=True):
    """The beginning of a run of entries.

    Attributes:
        run: Its number.
        parent: The run that it forks from; 0 without one.
        fork: The last position that it shares with its parent.
        turn: The number of turns up to there.
        to: Its last position.
        holes: Whether positions may be missing, because entries were removed or have expired.
    """

    run: int
    to: int
    parent: int = 0
    fork: int = 0
    turn: int = 0
    holes: bool = False


class EntryLine(ExportLine, tag="entry", frozen=True):
    """An entry of the last run. It has an item, or the bytes of any other payload."""

    position: int
    version: int
    turn: int
    kind: str
    created_at: int
    tool: str | None = None
    author: str | None = None
    expires_at: int | None = None
    format: str | None = None
    item: msgspec.Raw = NOTHING
    payload: bytes | None = None

    @property
    def is_mark(self) -> bool:
        """Whether models never see it, because it describes the conversation."""
        return self.kind.startswith(MARK)

    @property
    def content(self) -> bytes:
        """The payload as it is stored; `check_content` has checked it."""
        return bytes(self.item) if self.payload is None else self.payload

    def check_content(self) -> None:
        """See that there is one payload.

        Raises:
            ValueError: It is missing or there are two, or the item is not a JSON object.
        """
        if (self.payload is None) == (self.item is NOTHING):
            raise ValueError("it must have either an item or a payload")
        if self.payload is None and not is_item(bytes(self.item)):
            raise ValueError("its item is not a JSON object")


class _Tip(ExportLine, frozen=True, kw_only=True):
    run: int
    tip: int
    turn: int
    floor: int
    may_extend: bool = False
    forked_from: str | None = None
    forked_at: int | None = None
    forked_turn: int | None = None
    created_at: int
    updated_at: int
    made_in: int
    changed_in: int


class BranchLine(_Tip, tag="branch", frozen=True, kw_only=True):
    """A branch, which ends at a position of a run; run 0 for one to which nothing was ever added."""

    name: str


class TipLine(_Tip, tag="tip", frozen=True, kw_only=True):
    """A tip that a branch left.

    Attributes:
        of: The branch.
        left_in: The version that left it: the order of a branch's tips.
        pending: Whether redo goes back there.
    """

    of: str
    left_in: int
    pending: bool = False


class UsageLine(ExportLine, tag="usage", frozen=True):
    """A record of usage.

    Attributes:
        run: The run of the entry that it belongs to; 0 if that is gone for good, or if `position` is 0.
        position: The entry's position; 0 for usage from before the first entry.
        turn_of: Of an output's key: run, position and version of its turn's first entry, which is a part of the key.
    """

    key: str
    run: int
    position: int
    turn: int
    requests: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    created_at: int
    model: str | None = None
    agent: str | None = None
    author: str | None = None
    cost: int | None = None
    untold: int = 0
    turn_of: tuple[int, int, int] | None = None


class KeyLine(ExportLine, tag="key", frozen=True):
    """The key of an item.

    Attributes:
        key: The key.
        run: The run of its entry; 0 if that is gone.
        position: The entry's position.
        version: The version that added it.
        until: Until when the key is known without its entry.
        digest: Tells its item from others; ``None`` if that cannot be told any more: then the key alone counts.
        popped: Whether a pop took the entry off a branch.
        branch: The version that made that branch; 0 for ``main``, -1 for every way.
    """

    key: str
    run: int
    position: int
    version: int
    until: int
    digest: bytes | None = None
    popped: bool = False
    branch: int = 0


class RetryLine(ExportLine, tag="retry", frozen=True):
    """An idempotency key of an append, as it is stored; without a digest, the key alone counts."""

    key: str
    version: int
    tip: int
    created_at: int
    until: int
    digest: bytes | None = None


class CopyLine(ExportLine, tag="copy", frozen=True):
    """An entry that repeats the item of another one.

    The source is the first entry that had the item. If its run is 0, the entry is gone; then its position and version
    tell it from other sources.
    """

    run: int
    position: int
    version: int
    source_run: int
    source_position: int
    source_version: int


class ChangeLine(ExportLine, tag="change", frozen=True):
    """A change other than an append, by the version that it made."""

    version: int
    what: str
    created_at: int


class Counts(ExportLine, tag="counts", frozen=True):
    """How many lines of each kind there were."""

    runs: int = 0
    entries: int = 0
    branches: int = 0
    tips: int = 0
    usage: int = 0
    keys: int = 0
    retries: int = 0
    copies: int = 0
    changes: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sums."""
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})


COUNTED: Final = Counts.__struct_fields__


class EndLine(Counts, tag="end", frozen=True, kw_only=True):
    """The end of a session that is whole, with its counts.

    Attributes:
        id: The session's id.
        cursor: Its place in the order of the export: `after` goes on behind it.
    """

    id: str
    cursor: str = ""


class VoidLine(ExportLine, tag="void", frozen=True):
    """The session's lines so far are void, as it was changed while it was read; it may follow again from its start."""

    id: str


class Closing(Counts, tag="closing", frozen=True, kw_only=True):
    """The last line, with the counts of all sessions that are whole, and of memories."""

    sessions: int
    memories: int = 0


Line: TypeAlias = (
    Header
    | SessionLine
    | RunLine
    | EntryLine
    | BranchLine
    | TipLine
    | UsageLine
    | KeyLine
    | RetryLine
    | CopyLine
    | ChangeLine
    | EndLine
    | VoidLine
    | Closing
)

KINDS: Final[dict[type, str]] = {
    RunLine: "runs",
    EntryLine: "entries",
    BranchLine: "branches",
    TipLine: "tips",
    UsageLine: "usage",
    KeyLine: "keys",
    RetryLine: "retries",
    CopyLine: "copies",
    ChangeLine: "changes",
}
"""How the lines of a session are counted, in their order; runs and entries alternate."""

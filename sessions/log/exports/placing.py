"""Writing an imported session: its lines in pages, each a transaction of its own, and its row with the last one.

Until then nobody sees it: see `log/lifetime/unfinished.py`. A page whose answer was lost can be written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from sessions.db.command import Command
from sessions.db.ids import POSITION_BITS, check_number
from sessions.labels import encode_owner
from sessions.log.core.details import Details, StoredInfo
from sessions.log.core.heads import NUMBERS
from sessions.log.core.item_keys import NOWHERE, stored_digest
from sessions.log.core.reflog import name_of_tip
from sessions.log.exports.lines import (
    BranchLine,
    ChangeLine,
    CopyLine,
    EntryLine,
    KeyLine,
    RetryLine,
    RunLine,
    SessionLine,
    TipLine,
    UsageLine,
)
from sessions.log.lifetime.unfinished import Row, begin, finish, is_finished, renew
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import corrections as correction_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import exports as statements
from sessions.log.statements import info as info_statements
from sessions.log.statements import unfinished as unfinished_statements
from sessions.log.statements import usage as usage_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.transaction import Statement, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.encryption.payloads import Payloads


def place_of(segments: Sequence[int], run: int, position: int) -> int:
    """Return an entry's id; of one that is gone, an id in segment 0 that its position and version tell from others."""
    return ((segments[run - 1] if run else 0) << POSITION_BITS) + position


class BeginImport(Command[int], msgspec.Struct, frozen=True, eq=False):
    """Begin to write a session that is not there, and return its internal id.

    Attributes:
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        owner: Its owner, as `labels.py` writes it.
    """

    conversation: Conversation
    now: int
    owner: str | None = None

    @property
    def repeatable(self) -> bool:
        """Upkeep removes a session that was begun twice."""
        return True

    def __call__(self, tx: Transaction) -> int:
        """Begin in `tx`.

        Raises:
            SessionExistsError: The session is there.
            StoreFullError: The internal ids are used up.
        """
        return begin(tx, self.conversation, self.now, owner=self.owner)


class PutPage(Command[list[int]], msgspec.Struct, frozen=True, eq=False):
    """Write some lines of an unfinished session, which have been checked; return its segments, by number.

    Attributes:
        conversation: The session.
        session: Its internal id.
        page: The number of the page, from 1.
        lines: The lines.
        segments: The segments of runs in pages before.
    """

    conversation: Conversation
    session: int
    page: int
    lines: Sequence[Any]
    segments: Sequence[int]

    @property
    def size(self) -> int:
        """The bytes of all payloads."""
        return sum(map(len, self.payloads))

    @property
    def payloads(self) -> list[bytes]:
        """The bytes of each entry."""
        return [line.content for line in self.lines if type(line) is EntryLine]

    @property
    def repeatable(self) -> bool:
        """The row of the unfinished session tells which pages were written."""
        return True

    def __call__(self, tx: Transaction) -> list[int]:
        """Write them in `tx`.

        Raises:
            ConflictError: The unfinished session was given up, as it was not continued in time.
            StoreFullError: The ids of segments are used up.
        """
        key = renew(tx, self.conversation, self.session)
        place = {"session": self.session, "page": self.page}
        (pages,) = tx.the(unfinished_statements.PAGE_OF, session=self.session)
        if pages >= self.page:
            # It was written, and the answer was lost.
            return sorted(segment for (segment,) in tx.all(branch_statements.SEGMENTS, session=self.session))
        writer = _Writer(tx, self.conversation, self.session, list(self.segments), key)
        writer.write(self.lines)
        tx.run(unfinished_statements.SET_PAGE, **place)
        return writer.segments


class FinishImport(Command[None], msgspec.Struct, frozen=True, eq=False):
    """Make the row of a session whose lines have been written: from now on, it is there.

    Attributes:
        conversation: The session.
        session: Its internal id.
        line: Its first line.
        segments: Its segments, by the numbers of its runs.
        annotated: Whether it has marks.
        keyed: Whether it has item keys.
    """

    conversation: Conversation
    session: int
    line: SessionLine
    segments: Sequence[int]
    annotated: bool
    keyed: bool

    @property
    def repeatable(self) -> bool:
        """A session that is there already under its internal id was finished before."""
        return True

    def __call__(self, tx: Transaction) -> None:
        """Do it in `tx`.

        Raises:
            SessionExistsError: Another caller has made a session of this id.
            ConflictError: The unfinished session was given up, as it was not continued in time.
        """
        line, session = self.line, self.session
        if is_finished(tx, self.conversation, session):
            return
        key = renew(tx, self.conversation, session)
        owner = None if line.owner is None else encode_owner(line.owner)
        tags: tuple[str, ...] = ()
        if line.info is not None:
            stored = StoredInfo(owner, int(line.archived), line.info.version)
            title_of = None
            if line.info.title_of is not None:
                run, position, version = line.info.title_of
                title_of = place_of(self.segments, run, position), version
            details = Details(line.info.title, line.info.tags, line.info.metadata, title_of)
            stored = stored.with_details(details, key)
            tx.run(info_statements.PUT_INFO, session=session, version=stored.version, payload=stored.payload)
            tags = () if key is not None else line.info.tags
            tx.many(info_statements.ADD_TAG, [(session, tag, line.active_at) for tag in tags])
        row = Row(
            version=line.version,
            branch=line.branch,
            created_at=line.created_at,
            updated_at=line.updated_at,
            active_at=line.active_at,
            owner=owner,
            archived=int(line.archived),
            annotated=int(self.annotated),
            keyed=int(self.keyed),
            tagged=int(bool(tags)),
            cleared_in=line.cleared_in,
        )
        finish(tx, self.conversation, session, row)


class _Writer:
    """Writes the lines of one page."""

    def __init__(
        self, tx: Transaction, conversation: Conversation, session: int, segments: list[int], key: Payloads | None
    ) -> None:
        self._tx = tx
        self._conversation = conversation
        self._session = session
        self._key = key
        self.segments = segments
        self._origins: dict[int, tuple[int | None, int]] = {}
        self._entries: list[tuple[Any, ...]] = []

    def write(self, lines: Sequence[Any]) -> None:
        rows: dict[type, list[Any]] = {}
        for line in lines:
            if type(line) is RunLine:
                self._open_segment(line)
            else:
                # An entry's id depends on the run that began last.
                row = self._ROWS[type(line)](self, line)
                if row is not None:
                    rows.setdefault(type(line), []).append(row)
        for kind, found in rows.items():
            if kind is EntryLine and self._key is not None:
                self._tx.many(_INTO[kind], map(self._key.encrypt, found))
            else:
                self._tx.many(_INTO[kind], found)

    def _open_segment(self, line: RunLine) -> None:
        parent = self.segments[line.parent - 1] if line.parent else None
        (segment,) = self._tx.the(
            statements.ADD_SEGMENT,
            session=self._session,
            parent=parent,
            fork_position=line.fork,
            turn=line.turn,
            holes=int(line.holes),
        )
        check_number(segment, f"session {self._conversation.session_id!r}", "segments")
        self.segments.append(segment)

    def _place(self, run: int, position: int) -> int:
        return (self.segments[run - 1] << POSITION_BITS) + position if run else NOWHERE

    def _entry(self, line: EntryLine) -> tuple[Any, ...] | None:
        if line.expires_at is not None and line.expires_at <= self._conversation.now:
            return None  # It has expired on the way.
        return (
            self._place(len(self.segments), line.position), line.version, line.turn, line.kind, line.tool, line.author,
            line.created_at, line.expires_at, line.format, line.content,
        )  # fmt: skip

    def _tip(self, line: BranchLine | TipLine) -> tuple[Any, ...]:
        name: str
        of, pending = None, False
        if isinstance(line, TipLine):
            name, of, pending = name_of_tip(line.left_in), line.of, line.pending
        else:
            name = line.name
        segment = self.segments[line.run - 1] if line.run else 0
        parent, fork = self._origin(segment)
        return (
            self._session, name, segment, parent, fork, line.tip, line.turn, line.floor, int(line.may_extend),
            line.forked_from, line.forked_at, line.forked_turn, of, int(pending), line.created_at, line.updated_at,
            line.made_in, line.changed_in,
        )  # fmt: skip

    def _origin(self, segment: int) -> tuple[int | None, int]:
        """Return the parent and the fork position of a segment, which each tip repeats."""
        if not segment:
            return None, 0
        if segment not in self._origins:
            parent, fork = self._tx.the(branch_statements.ORIGIN, segment=segment)
            self._origins[segment] = (parent, fork)
        return self._origins[segment]

    def _usage(self, line: UsageLine) -> tuple[Any, ...]:
        key = line.key
        if line.turn_of is not None:
            run, position, version = line.turn_of
            key = f"{key}@{self._place(run, position)}.{version}"
        place = self._place(line.run, line.position) if line.run or line.position else 0
        return (
            self._session, key, place, line.turn, line.model, line.agent, line.requests, line.input_tokens,
            line.cached_tokens, line.cache_write_tokens, line.output_tokens, line.reasoning_tokens, line.cost,
            line.untold, line.created_at, line.author,
        )  # fmt: skip

    def _key_of_item(self, line: KeyLine) -> tuple[Any, ...]:
        entry = self._place(line.run, line.position)
        branch = self._session * NUMBERS + line.branch if line.branch > 0 else line.branch
        return (
            line.key, self._session, -entry if line.popped else entry, branch, line.version,
            stored_digest(line.digest, self._key), line.until, line.until,
        )  # fmt: skip

    def _retry(self, line: RetryLine) -> tuple[Any, ...]:
        digest = line.digest or b""
        digest = self._key.digest(digest) if digest and self._key is not None else digest
        return self._session, line.key, digest, line.version, line.tip, line.created_at, line.until

    def _copy(self, line: CopyLine) -> tuple[Any, ...]:
        copy = place_of(self.segments, line.run, line.position)
        source = place_of(self.segments, line.source_run, line.source_position)
        return self._session, copy, line.version, source, line.source_version

    def _change(self, line: ChangeLine) -> tuple[Any, ...]:
        return self._session, line.version, line.what, line.created_at

    _ROWS: ClassVar[dict[type, Callable[[_Writer, Any], tuple[Any, ...] | None]]] = {
        EntryLine: _entry,
        BranchLine: _tip,
        TipLine: _tip,
        UsageLine: _usage,
        KeyLine: _key_of_item,
        RetryLine: _retry,
        CopyLine: _copy,
        ChangeLine: _change,
    }


_INTO: Final[dict[type, Statement]] = {
    EntryLine: entry_statements.ADD_ENTRY,
    BranchLine: statements.ADD_TIP,
    TipLine: statements.ADD_TIP,
    UsageLine: usage_statements.ADD_USAGE,
    KeyLine: statements.ADD_KEY,
    RetryLine: statements.ADD_RETRY,
    CopyLine: correction_statements.ADD_COPY,
    ChangeLine: statements.ADD_CHANGE,
}

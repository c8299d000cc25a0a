"""Writing one page of an imported session: each line becomes a row, under the ids of this database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from sessions.db.ids import POSITION_BITS, check_number
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
    TipLine,
    UsageLine,
)
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import corrections as correction_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import exports as statements
from sessions.log.statements import usage as usage_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.transaction import Statement, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.encryption.payloads import Payloads


class WrongLineError(ValueError):
    """A line of a page contradicts a line before it.

    Attributes:
        index: Its place in the page.
    """

    def __init__(self, fault: str, index: int) -> None:
        super().__init__(fault)
        self.index = index


def place_of(segments: Sequence[int], run: int, position: int) -> int:
    """Return an entry's id; of one that is gone, an id in segment 0 that its position and version tell from others."""
    return ((segments[run - 1] if run else 0) << POSITION_BITS) + position


class PageWriter:
    """Writes the lines of one page.

    Args:
        tx: A transaction.
        conversation: The session.
        session: Its internal id.
        segments: The segments of its runs in pages before, by number.
        key: Encrypts its payloads, if it has one.

    Attributes:
        segments: The segments of all runs so far.
    """

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
        """Write lines.

        Raises:
            WrongLineError: One contradicts a line before it.
            StoreFullError: The ids of segments are used up.
        """
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
        if KeyLine in rows:
            self._check_keys(lines, [entry for _, _, entry, *_ in rows[KeyLine] if entry > 0])

    def _check_keys(self, lines: Sequence[Any], entries: list[int]) -> None:
        """See that the keys of these entries have the entries' versions. The entries have been written before.

        Raises:
            WrongLineError: One has not.
        """
        if not entries:
            return
        bounds = {"low": min(entries), "high": max(entries)}
        wrong = self._tx.one(statements.WRONG_KEY, session=self._session, **bounds)
        if wrong is not None:
            places = [type(line) is KeyLine and self._key_of_item(line)[2] for line in lines]
            raise WrongLineError("its version is not that of its entry", places.index(wrong[0]))

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

    _ROWS: ClassVar[dict[type, Callable[[PageWriter, Any], tuple[Any, ...] | None]]] = {
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

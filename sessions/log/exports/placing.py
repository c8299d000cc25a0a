"""Writing an imported session: its lines in pages, each a transaction of its own, and its row with the last one.

Until then nobody sees it: see `log/lifetime/unfinished.py`. A page whose answer was lost can be written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sessions.db.command import Command
from sessions.labels import encode_owner
from sessions.log.core.details import Details, StoredInfo
from sessions.log.exports.lines import EntryLine, SessionLine
from sessions.log.exports.page_writer import PageWriter, place_of
from sessions.log.lifetime.unfinished import Row, begin, finish, is_finished, renew
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import info as info_statements
from sessions.log.statements import unfinished as unfinished_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation


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
            WrongLineError: A line contradicts a line before it.
            ConflictError: The unfinished session was given up, as it was not continued in time.
            StoreFullError: The ids of segments are used up.
        """
        key = renew(tx, self.conversation, self.session)
        place = {"session": self.session, "page": self.page}
        (pages,) = tx.the(unfinished_statements.PAGE_OF, session=self.session)
        if pages >= self.page:
            # It was written, and the answer was lost.
            return sorted(segment for (segment,) in tx.all(branch_statements.SEGMENTS, session=self.session))
        writer = PageWriter(tx, self.conversation, self.session, list(self.segments), key)
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

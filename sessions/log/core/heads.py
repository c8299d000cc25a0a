"""A branch's head, and the way back along its lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from sessions.db.ids import POSITION_BITS
from sessions.errors import ConflictError, DamagedSessionError, UnknownBranchError
from sessions.log.core.elsewhere import check_absent
from sessions.log.core.fencing import lease_lost
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import reader_of
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.words import LEFT_TIP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.reader import Page, Reader

MAIN = "main"
"""The name of a session's first branch, which cannot be removed: without a row it is there and empty."""

EVERYTHING = 1 << 62
"""More entries than there can be, where a statement wants a count."""


def damaged(what: str) -> DamagedSessionError:
    """Return the error for rows that cannot be true; the session's handle says which session it is."""
    return DamagedSessionError(
        f"the stored rows contradict each other: {what}. Nothing was changed. Restore the session from a "
        "backup, or erase it."
    )


NUMBERS = 1 << 24
"""How many numbers belong to each session's internal id: of its leases, and of its branches."""


class BranchName(str):
    """The name of a branch as it was found, which also tells it from others that had the name before or have it later.

    Attributes:
        number: The session's internal id and the version that made the branch, in one: no branch of any session has
            the same, as internal ids are never given twice.
    """

    __slots__ = ("number",)

    number: int

    def __new__(cls, name: str, number: int) -> Self:
        """Return the name with its number."""
        made = super().__new__(cls, name)
        made.number = number
        return made


class AttemptName(BranchName):
    """The name of an attempt's row, which users never see: errors show this instead."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(an attempt)"


def name_of(name: str, session: int, made_in: int) -> str:
    """Return the name of a branch that was found; ``main`` is always the same one."""
    if name.startswith(LEFT_TIP):
        return AttemptName(name, session * NUMBERS + made_in)
    return name if name == MAIN else BranchName(name, session * NUMBERS + made_in)


def number_of(branch: str | None) -> int:
    """Return the number of a branch that was found before; 0 if any branch of that name is meant."""
    return branch.number if isinstance(branch, BranchName) else 0


def attempt_of(branch: str | None) -> int:
    """Return the version in which an attempt was made, which tells a session's attempts apart; 0 for a branch."""
    return branch.number % NUMBERS if isinstance(branch, AttemptName) else 0


class Head(NamedTuple):
    """Where a branch ends.

    Attributes:
        session: The session's internal id.
        branch: The branch's name.
        segment: The segment that the branch extends; 0 if nothing was ever put on it.
        tip: The position of the last entry.
        turn: The number of turns up to the tip.
        floor: Entries of `segment` at or below this position may be seen by other branches.
        parent: The segment from which `segment` was forked, if it was.
        fork_position: The last position that `segment` inherits.
        may_extend: 1 if nothing lies beyond the tip in its segment, and it alone extends it.
        annotated: 1 if the session has entries that no model is shown.
        keyed: 1 if it has item keys.
        reader: How its entries are read.
    """

    session: int
    branch: str
    segment: int
    tip: int
    turn: int
    floor: int
    parent: int | None
    fork_position: int
    may_extend: int
    annotated: int
    keyed: int
    reader: Reader


class Stretch(NamedTuple):
    """The part of one segment that a branch sees; never empty.

    Attributes:
        segment: The segment.
        low: The position before the first.
        high: The last position.
        turn: The number of turns up to `low`.
    """

    segment: int
    low: int
    high: int
    turn: int

    def ids(self, low: int | None = None, high: int | None = None) -> dict[str, int]:
        """Return the range of entry ids, as parameters: beyond `low`, up to `high`; or up to other positions."""
        base = self.segment << POSITION_BITS
        return {"low": base + (self.low if low is None else low), "high": base + (self.high if high is None else high)}


def find_head(tx: Transaction, conversation: Conversation, branch: str | None = None) -> Head | None:
    """Return the head of a branch (the session's current one unless named), or ``None`` without such a session.

    Raises:
        UnknownBranchError: The session has no such branch, or another one has the name now; a missing session has
            ``main``.
        LeaseLostError: The conversation's lease was on a branch whose name another one has now.
        DecryptionError: The session is encrypted with another key.
        DamagedSessionError: The stored branch is impossible.
        AdoptFirst: The session is kept elsewhere.
    """
    row = tx.one(branch_statements.HEAD, session_id=conversation.session_id, branch=branch)
    if row is None:
        check_absent(tx, conversation)
        check_without_session(conversation.session_id, branch)
        return None
    session, name, segment, *place, wrapped_keys, made_in, owner, intact = row
    check_owner(conversation, owner)
    reader = reader_of(conversation, wrapped_keys)
    if segment is not None:
        if not intact:
            raise damaged(f"branch {name!r} ends at a missing entry")
        found = name_of(name, session, made_in)
        if number_of(branch) not in {0, number_of(found)}:
            if conversation.lease is not None:  # It was on the branch that is gone.
                raise lease_lost(conversation.session_id, name)
            raise UnknownBranchError(
                f"session {conversation.session_id!r}: this object's branch {name!r} was deleted or renamed, and "
                f"another branch has its name now. Nothing was changed. Read again, or use on_branch({name!r}) to "
                "continue with the other one."
            )
        return Head._make((session, found, segment, *place, reader))
    if name == MAIN:
        return Head(session, MAIN, 0, 0, 0, 0, None, 0, 0, 0, 0, reader)
    raise _unknown_branch(conversation.session_id, name, branch_names(tx, session))


def check_without_session(session_id: str, branch: str | None) -> None:
    """Refuse a branch of a session that is not there, which has ``main`` alone.

    Raises:
        UnknownBranchError: It is another one.
    """
    if branch not in {None, MAIN}:
        raise _unknown_branch(session_id, str(branch), [MAIN])


def branch_names(tx: Transaction, session: int) -> list[str]:
    """Return the names of a session's branches, sorted; ``main`` is always among them."""
    names = {name for name, *_ in tx.all(branch_statements.TIPS, session=session) if not name.startswith(LEFT_TIP)}
    return sorted({MAIN, *names})


def attempt_over(session_id: str) -> ConflictError:
    """Return the error for work in an attempt that is over."""
    return ConflictError(
        f"session {session_id!r}: this attempt has ended: its block was left, or its branch was deleted or cleared. "
        "Nothing was changed. Begin another attempt."
    )


def _unknown_branch(session_id: str, branch: str, there: list[str]) -> ConflictError | UnknownBranchError:
    if branch.startswith(LEFT_TIP):
        return attempt_over(session_id)
    return UnknownBranchError(
        f"Branch {branch!r} does not exist in session {session_id!r}, which has "
        f"{', '.join(map(repr, there))}. Nothing was changed. Use one of these, or create it with "
        "session.branches.create(…)."
    )


def lineage(tx: Transaction, head: Head) -> list[Stretch]:
    """Return the parts of segments that a branch sees, newest first. Together they have every position up to the tip.

    Raises:
        DamagedSessionError: It is not: a segment is missing, or is not where it can be.
    """
    if head.parent is None:
        return [Stretch(head.segment, 0, head.tip, 0)] if head.tip else []
    found = [Stretch(*row) for row in tx.all(branch_statements.LINEAGE, session=head.session, branch=head.branch)]
    high = head.tip
    for stretch in found:
        if stretch.high != high or not 0 <= stretch.turn <= stretch.low:
            break
        high = stretch.low
    if high:
        raise damaged(f"the segments of branch {head.branch!r} do not reach back to its beginning")
    return found


def walk_back(tx: Transaction, head: Head, count: int) -> Iterator[Page]:
    """Yield a branch's entries in pages, the newest first.

    Args:
        tx: A transaction.
        head: Where to begin.
        count: How many are wanted: so many are asked for at once, and then again if the caller goes on.
    """
    left = count
    for stretch in lineage(tx, head):
        low, high = stretch.ids().values()
        while low < high:
            page = head.reader.page(tx, low, high, left)
            if page.length:
                yield page
            if page.length < min(left, entry_statements.PAGE):
                left -= page.length
                break
            left = left - page.length or count
            high = page.low


def entry_at(stretches: list[Stretch], position: int) -> int:
    """Return the id of the entry at a position of a lineage; 0 for the position before the first."""
    for stretch in stretches:
        if stretch.low < position <= stretch.high:
            return (stretch.segment << POSITION_BITS) + position
    return 0

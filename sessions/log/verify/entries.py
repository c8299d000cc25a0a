"""Checking entries, page by page in the order of their ids: each one's place, order, kind and payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.clock import FIRST, NEVER
from sessions.crypto.unlocking import Locked
from sessions.db.ids import MAX_POSITION, POSITION_BITS, ids_of, owner_of, position_of
from sessions.db.verification import PAGE, Checked, number_of
from sessions.items.kinds import PLACEHOLDER, USER
from sessions.log.context.annotations import is_mark
from sessions.log.statements import verify as statements
from sessions.log.verify.items import check_payload
from sessions.log.verify.reading import HIGHEST, NUMBER_OF, name_of_session
from sessions.log.words import EntryRow
from sessions.types.verify import Finding, found

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.verify.reading import Reading
    from sessions.types.verify import FindingCode

_BYTES: Final = 4_194_304
"""Payloads of a page, in bytes; one larger payload is a page by itself."""


class _Home(NamedTuple):
    """A segment with its session, as its entries are checked."""

    segment: int
    fork_position: int
    turn: int
    holes: int
    session: int | None
    session_id: str | bytes | None
    version: int | None
    wrapped_keys: bytes | None
    annotated: int | None
    unfinished: int | None


class _Before(NamedTuple):
    """The entry before another one."""

    id: int
    version: int
    turn: int


class EntryCheck:
    """Checks entries.

    Args:
        reading: The sessions to verify, and their keys.
    """

    name = "entries"
    tables = ("entries", "segments", "sessions", "unfinished")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check up to `PAGE` entries, and no more than four megabytes of payloads if there are several.

        Raises:
            KeyWanted: A session's keys have to be fetched first.
        """
        bounds = self._bounds(tx, after)
        if bounds is None:
            return Checked((), None)
        first, last = bounds
        rows = self._rows(tx, first, last)
        if not rows:
            # Of one session, this was one segment.
            return Checked((), None if last == HIGHEST else str(last))
        homes = {
            row[0]: _Home(*row)
            for row in tx.all(statements.SEGMENTS_OF_ENTRIES, first=owner_of(rows[0].id), last=owner_of(rows[-1].id))
        }
        row = tx.one(statements.ENTRY_BEFORE, after=first)
        before = None if row is None else _Before(*row)
        findings: list[Finding] = []
        locked = 0
        for entry in rows:
            home = homes.get(owner_of(entry.id))
            if home is not None and home.unfinished is not None:
                pass  # Nobody sees it until the session has a row.
            elif home is None or home.session is None:
                if before is None or owner_of(before.id) != owner_of(entry.id):
                    findings.append(_orphans(entry, home))
            else:
                about = name_of_session(home.session_id)
                payloads = self._reading.open(about or "", home.wrapped_keys)
                locked += isinstance(payloads, Locked)
                place = f"position {position_of(entry.id)} of segment {home.segment}"
                wrongs = (*_check_row(entry, home, before), *check_payload(self._reading, entry, payloads))
                findings += (found(code, says, session_id=about, table="entries", place=place) for code, says in wrongs)
            before = _Before(entry.id, entry.version, entry.turn)
        return Checked(findings, str(rows[-1].id), {"entries": len(rows), "locked": locked})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Go on behind the entries of the segment that was not readable."""
        bounds = self._bounds(tx, after)
        row = None if bounds is None else tx.one(statements.SIZES, after=bounds[0], last=bounds[1], count=1)
        return None if row is None else str(ids_of(owner_of(row[0]))[1])

    def _bounds(self, tx: Transaction, after: str) -> tuple[int, int] | None:
        """Return between which ids to go on: of all sessions, or in the next segment of the only one."""
        first = number_of(after)
        if self._reading.session_id is None:
            return first, HIGHEST
        row = tx.one(NUMBER_OF, session_id=self._reading.session_id)
        if row is None:
            return None
        here = max(owner_of(first + 1), 0) if first < HIGHEST else owner_of(HIGHEST)
        (segment,) = tx.the(statements.NEXT_SEGMENT, session=row[0], first=here)
        if segment is None or segment > owner_of(HIGHEST):
            return None
        low, high = ids_of(segment)
        return (max(first, low - 1), high) if first < high else None

    def _rows(self, tx: Transaction, first: int, last: int) -> list[EntryRow]:
        size, end = 0, first
        for number, (entry, length) in enumerate(tx.all(statements.SIZES, after=first, last=last, count=PAGE)):
            size += length
            if number and size > _BYTES:
                break
            end = entry
        return [EntryRow(*row) for row in tx.all(statements.ENTRIES, after=first, last=end)] if end > first else []


def _orphans(entry: EntryRow, home: _Home | None) -> Finding:
    """Return a finding for the first of the entries of a segment that is missing, or is no session's."""
    missing = "segment is missing" if home is None else "session is missing"
    says = f"Entries are there whose {missing}."
    return found("orphan", says, table="entries", place=f"segment {owner_of(entry.id)}")


def _check_row(entry: EntryRow, home: _Home, before: _Before | None) -> list[tuple[FindingCode, str]]:
    """Check an entry's columns, and its order behind the one before it."""
    position = position_of(entry.id)
    previous = None
    if before is not None and owner_of(before.id) == home.segment and position_of(before.id) > home.fork_position:
        previous = before
    last = home.fork_position if previous is None else position_of(previous.id)
    is_placed = home.fork_position < position <= MAX_POSITION
    turn = _expected_turn(entry, home, previous)
    least = home.turn if previous is None else previous.turn
    expires = entry.expires_at is not None and entry.expires_at < NEVER
    is_item = not is_mark(entry.kind)
    conditions: tuple[tuple[object, FindingCode, str], ...] = (
        (not is_placed, "entry-misplaced", "The entry lies outside its segment."),
        (
            is_placed and not home.holes and position != last + 1,
            "entry-missing",
            "An entry before this one is missing.",
        ),
        (
            not 0 < entry.version <= (home.version or 0),
            "impossible-value",
            "The entry was added in a version that never was.",
        ),
        (
            previous is not None and entry.version < previous.version,
            "order-wrong",
            "The entry was added in an earlier version than the one before it.",
        ),
        (
            not least <= entry.turn <= position or (turn is not None and turn != entry.turn),
            "turn-wrong",
            "The entry's turn does not follow from the entry before it.",
        ),
        (
            not FIRST <= entry.created_at <= NEVER or not 0 <= (entry.expires_at or 0) <= NEVER,
            "impossible-value",
            "The entry has an impossible time.",
        ),
        (
            not home.holes and (expires or not is_item),
            "hole-unnoted",
            "The entry expires or is no item, and its segment's flag does not say so: items would be miscounted.",
        ),
        (
            not home.annotated and (not is_item or entry.kind == PLACEHOLDER),
            "flag-wrong",
            "Models are not shown the entry as it is, and the session's row says that they are shown all as they are.",
        ),
    )
    return [(code, says) for is_wrong, code, says in conditions if is_wrong]


def _expected_turn(entry: EntryRow, home: _Home, previous: _Before | None) -> int | None:
    """Return an entry's turn, as it follows from the entry before it; ``None`` if there is none directly before it."""
    here = entry.id - 1
    if previous is not None:
        turn = previous.turn if previous.id == here else None
    else:
        turn = home.turn if here == (home.segment << POSITION_BITS) + home.fork_position else None
    return None if turn is None else turn + (entry.kind == USER)

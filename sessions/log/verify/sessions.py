"""Checking the rows of sessions, page by page, each with its segments, branches and info."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from sessions.clock import FIRST, NEVER
from sessions.crypto.unlocking import Locked
from sessions.db.lists import parts
from sessions.db.verification import Checked
from sessions.errors import DecryptionError
from sessions.labels import decode_owner, encode_owner
from sessions.log.core.heads import MAIN, NUMBERS
from sessions.log.schema import MAX_SESSION
from sessions.log.statements import verify as statements
from sessions.log.verify.details import check_details
from sessions.log.verify.places import Places, needed_entries
from sessions.log.verify.reading import name_of_session, text_or_none
from sessions.types.verify import Finding, found
from sessions.validation import check_session_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.log.verify.reading import Reading
    from sessions.types.verify import FindingCode

    _Condition: TypeAlias = tuple[object, str, FindingCode, str]

_PAGE: Final = 64
"""Sessions of a page: their branches and their info are in memory at once."""


class SessionRow(NamedTuple):
    """A session's row."""

    id: int
    session_id: str | bytes
    version: int
    branch: str
    created_at: int
    updated_at: int
    wrapped_keys: bytes | None
    leases: int
    annotated: int
    owner: str | bytes | None
    active_at: int
    archived: int
    keyed: int
    cleared_in: int
    tagged: int
    forked_from: int | None
    forked_at: int
    corrected_in: int
    words_in: int


class SessionCheck:
    """Checks sessions with their branches, segments and info.

    Args:
        reading: The sessions to verify, and their keys.
    """

    name = "sessions"
    tables = ("sessions", "segments", "branches", "entries", "infos", "tags", "item_keys")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check up to `_PAGE` sessions.

        Raises:
            KeyWanted: A session's keys have to be fetched first.
        """
        bounds = self._reading.bounds(tx, after)
        rows = self._rows(tx, bounds)
        if not rows:
            return Checked((), None)
        place: dict[str, Any] = {"first": rows[0].id, "last": rows[-1].id}
        segments = _by_session(tx.all(statements.SEGMENTS, **place))
        branches = _by_session(tx.all(statements.BRANCHES, **place))
        infos = {session: rest for session, *rest in tx.all(statements.INFOS, **place)}
        tags = _by_session(tx.all(statements.TAGS, **place))
        keyed = {session for (session,) in tx.all(statements.WITH_ITEM_KEYS, **place)}
        places = [Places(row.version, segments[row.id], branches[row.id]) for row in rows]
        turns = _turns(tx, needed_entries(places))
        findings: list[Finding] = []
        for row, of_session in zip(rows, places, strict=True):
            findings += self._keys(row, has_content=bool(segments[row.id]))
            findings += _check_row(row, {name for name, *_ in branches[row.id]}, has_keys=row.id in keyed)
            about = name_of_session(row.session_id)
            findings += of_session.check(turns, about, row.leases)
            findings += check_details(self._reading, row, infos.get(row.id), tags[row.id])
        last = rows[-1].id
        return Checked(findings, str(last), {"sessions": len(rows)})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Go on behind the page that was not readable, if the rows of its sessions themselves are."""
        rows = self._rows(tx, self._reading.bounds(tx, after))
        return str(rows[-1].id) if rows else None

    def _rows(self, tx: Transaction, bounds: tuple[int, int] | None) -> list[SessionRow]:
        if bounds is None:
            return []
        first, last = bounds
        return [SessionRow(*row) for row in tx.all(statements.SESSIONS, first=first, last=last, count=_PAGE)]

    def _keys(self, row: SessionRow, *, has_content: bool) -> Iterator[Finding]:
        """Check a session's wrapped keys."""
        about = name_of_session(row.session_id)
        if row.wrapped_keys is None:
            if self._reading.encryption is not None and has_content:
                problem = "The session is not encrypted, and the store was opened with a key."
                yield found("session-plain", problem, session_id=about, table="sessions", place="column wrapped_keys")
            return
        from sessions.crypto.wrapped_keys import read_wrapped_keys  # noqa: PLC0415 - only for encrypted sessions
        from sessions.log.encryption.session_encryption import subject_of  # noqa: PLC0415 - as above

        place: dict[str, Any] = {"session_id": about, "table": "sessions", "place": "column wrapped_keys"}
        try:
            read_wrapped_keys(subject_of(about or ""), bytes(row.wrapped_keys))
        except DecryptionError:
            yield found("keys-damaged", "The session's wrapped keys have an impossible form.", **place)
            return
        opened = self._reading.open(about or "", row.wrapped_keys)
        if isinstance(opened, Locked) and opened.reason:
            yield found("keys-locked", f"The given keys do not open the session: {opened.reason}", **place)


def _check_row(row: SessionRow, branches: set[str], *, has_keys: bool) -> Iterator[Finding]:
    """Check the columns of a session's row."""
    about = name_of_session(row.session_id)
    for is_wrong, column, code, says in (*_wrong_values(row), *_contradictions(row, branches, has_keys=has_keys)):
        if is_wrong:
            yield found(code, says, session_id=about, table="sessions", place=f"column {column}")


def _wrong_values(row: SessionRow) -> Iterator[_Condition]:
    """Yield the conditions of single columns, each with the column, the code and the problem."""
    yield not _is_session_id(text_or_none(row.session_id)), "session_id", "session-damaged", "Its id cannot be one."
    yield not 0 < row.id <= MAX_SESSION, "id", "session-damaged", "Its number is out of range."
    yield not 0 < row.version < 1 << 62, "version", "session-damaged", "Its version is impossible."
    for column in ("created_at", "updated_at", "active_at"):
        yield not FIRST <= getattr(row, column) <= NEVER, column, "session-damaged", "It has an impossible time."
    for column in ("annotated", "archived", "keyed", "tagged"):
        yield getattr(row, column) not in {0, 1}, column, "flag-wrong", "One of its flags is neither 0 nor 1."
    is_owner = row.owner is None or _is_owner(text_or_none(row.owner))
    yield not is_owner, "owner", "session-damaged", "Its owner is not in the form in which owners are stored."


def _contradictions(row: SessionRow, branches: set[str], *, has_keys: bool) -> Iterator[_Condition]:
    """Yield the conditions of several columns, or of other rows."""
    yield has_keys and not row.keyed, "keyed", "flag-wrong", "It has item keys, and its row says that it has none."
    is_there = row.branch == MAIN or row.branch in branches
    yield not is_there, "branch", "branch-broken", "Its current branch is missing."
    is_given = row.leases == 0 or row.id * NUMBERS <= row.leases
    yield not is_given, "leases", "lease-wrong", "Its last number of a lease is below its first one."
    for column in ("cleared_in", "corrected_in", "words_in"):
        is_past = 0 <= getattr(row, column) <= max(row.version, 0)
        yield not is_past, column, "session-damaged", "It was changed or searched in a version that never was."
    is_older = row.forked_from is None or (0 < row.forked_from <= MAX_SESSION and row.forked_from != row.id)
    is_possible = is_older and row.forked_at >= 0
    yield not is_possible, "forked_from", "wrong-reference", "It cannot have been forked from there."


def _is_session_id(session_id: str | None) -> bool:
    try:
        check_session_id(session_id)
    except (TypeError, ValueError):
        return False
    return True


def _is_owner(owner: str | None) -> bool:
    try:
        return owner is not None and encode_owner(decode_owner(owner)) == owner
    except (KeyError, TypeError, ValueError):
        return False


def _by_session(rows: Iterable[Row]) -> defaultdict[int, list[Sequence[Any]]]:
    grouped: defaultdict[int, list[Sequence[Any]]] = defaultdict(list)
    for session, *rest in rows:
        grouped[session].append(rest)
    return grouped


def _turns(tx: Transaction, entries: list[int]) -> dict[int, int]:
    """Return the turns of those of some entries that are there."""
    return {
        entry: turn
        for values in parts("e", statements.AT_ONCE, entries)
        for entry, turn in tx.all(statements.TURNS_OF, **values)
    }

"""The state of a session when its export begins: its row, its runs, and where its branches end.

Entries are only ever added behind a tip, so the entries up to these tips are read later, in pages. A change that may
have removed or rewritten one ends this: the export of the session starts again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.db.dialect import text_of_key
from sessions.db.ids import owner_of, position_of
from sessions.errors import PlainTextRefusedError
from sessions.labels import decode_owner
from sessions.log.core.change_log import KEPT_VERSIONS
from sessions.log.core.damage import read_segments
from sessions.log.core.details import StoredInfo
from sessions.log.core.elsewhere import check_absent
from sessions.log.core.gc import find_seen
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import Reader, reader_of, unlock
from sessions.log.exports.encoding import encode_line
from sessions.log.exports.lines import BranchLine, SessionInfoLine, SessionLine, TipLine
from sessions.log.statements import exports as statements
from sessions.log.statements import sessions as session_statements
from sessions.log.words import TipRow

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.details import Details

KEEPS_ENTRIES: Final = frozenset(
    {
        "info_changed", "branched", "switched", "renamed", "handed_over", "undone", "redone", "sibling_chosen",
        "attempt_begun", "reencrypted",
    }
)  # fmt: skip
"""Changes after which all entries are as before: they only add entries, or move tips and keep the former ones."""


class Run(NamedTuple):
    """A segment that is exported.

    Attributes:
        number: Its number in the export.
        segment: Its internal id.
        parent: The number of its parent; 0 without one.
        fork: The last position that it shares with its parent.
        turn: The number of turns up to there.
        to: The last position that a tip sees.
        holes: 1 if positions may be missing.
    """

    number: int
    segment: int
    parent: int
    fork: int
    turn: int
    to: int
    holes: int


class Snapshot(NamedTuple):
    """A session as its export found it.

    Attributes:
        session: Its internal id.
        version: Its version.
        encrypted: Whether it is encrypted.
        first: Its first line.
        runs: Its runs, by their numbers from 1.
        numbers: The number of each run by its segment.
        tips: The lines of branches and left tips.
        branches: How many of them are branches.
    """

    session: int
    version: int
    encrypted: bool
    first: bytes
    runs: list[Run]
    numbers: dict[int, int]
    tips: list[bytes]
    branches: int

    def source(self, entry: int) -> tuple[int, int]:
        """Return the run and the position of an entry; run 0 if its segment is gone."""
        return source_of(self.numbers, entry)


def source_of(numbers: dict[int, int], entry: int) -> tuple[int, int]:
    """Return the run and the position of an entry, by the numbers of runs; run 0 if its segment is gone."""
    return numbers.get(owner_of(entry), 0), position_of(entry)


def take_snapshot(tx: Transaction, conversation: Conversation, *, plain: bool) -> tuple[Snapshot, Reader] | None:
    """Return a session's state, and the reader of its entries; ``None`` if the session is missing.

    Args:
        tx: A transaction.
        conversation: The session.
        plain: Whether the content of an encrypted session may be written as plain text.

    Raises:
        PlainTextRefusedError: The session is encrypted, and its content may not.
        MissingKeyError: It is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key, or its info was altered.
        DamagedSessionError: Its rows contradict each other.
    """
    row = tx.one(statements.SESSION, session_id=conversation.session_id)
    if row is None:
        check_absent(tx, conversation)
        return None
    session, version, branch, wrapped_keys, created_at, updated_at, active_at, cleared_in, owner, archived, *info = row
    check_owner(conversation, owner)
    if wrapped_keys is not None and not plain:
        raise refuse_plain_text(conversation.session_id)
    key = unlock(conversation, wrapped_keys)
    runs = _runs(tx, conversation, session)
    numbers = {run.segment: run.number for run in runs}
    stored = StoredInfo(owner, archived, *info)
    labels = decode_owner(owner)
    first = SessionLine(
        id=conversation.session_id,
        version=version,
        branch=branch,
        created_at=created_at,
        updated_at=updated_at,
        active_at=active_at,
        owner=(labels,) if isinstance(labels, str) else labels,
        archived=bool(archived),
        cleared_in=cleared_in,
        encrypted=wrapped_keys is not None,
        info=None if stored.version is None else _info(stored.version, stored.details(key), numbers),
    )
    tips, branches = _tips(tx, session, runs, numbers)
    encoded = [encode_line(tip) for tip in tips]
    found = Snapshot(session, version, wrapped_keys is not None, encode_line(first), runs, numbers, encoded, branches)
    return found, reader_of(conversation, wrapped_keys)


def _info(version: int, details: Details, numbers: dict[int, int]) -> SessionInfoLine:
    title_of = None
    if details.title_of is not None:
        entry, added_in = details.title_of
        title_of = *source_of(numbers, entry), added_in
    return SessionInfoLine(version, details.title, details.tags, details.metadata, title_of)


def refuse_plain_text(session_id: str) -> PlainTextRefusedError:
    """Return the error for an encrypted session whose content would be written as plain text."""
    return PlainTextRefusedError(
        f"session {session_id!r} is encrypted, and an export holds its content as plain text. It was not exported. "
        "Pass plain=True, and keep the result as safe as the keys. There is no export without plain text: to keep the "
        "content encrypted, back up the database itself."
    )


def reader_if_unchanged(tx: Transaction, conversation: Conversation, snapshot: Snapshot) -> Reader | None:
    """Return the reader of a session's entries; ``None`` if some may have been removed or rewritten since.

    Raises:
        DecryptionError: The session is encrypted with another key.
    """
    row = tx.one(session_statements.WHERE_IT_IS, session_id=conversation.session_id)
    if row is None:
        return None
    session, version, owner, wrapped_keys, recorded = row
    check_owner(conversation, owner)
    # If the session was encrypted since, the next snapshot refuses it.
    if session != snapshot.session or (wrapped_keys is not None) != snapshot.encrypted:
        return None
    if recorded is not None and recorded > snapshot.version:
        kinds = tx.all(statements.CHANGED_SINCE, session=session, after=snapshot.version)
        if version > snapshot.version + KEPT_VERSIONS or not KEEPS_ENTRIES.issuperset(what for (what,) in kinds):
            return None
    return reader_of(conversation, wrapped_keys)


def _runs(tx: Transaction, conversation: Conversation, session: int) -> list[Run]:
    """Return the segments that a tip leads to, the oldest first: parents are older than their children."""
    highest = find_seen(tx, session).highest
    origins = read_segments(tx, session)
    # Entries that are too old for this reader are left out.
    by_age = int(conversation.ttl is not None)
    numbers: dict[int, int] = {}
    runs = []
    for number, segment in enumerate(sorted(highest), 1):
        parent, fork, turn, holes = origins[segment]
        numbers[segment] = number
        to = max(highest[segment], fork)
        runs.append(Run(number, segment, numbers[parent] if parent else 0, fork, turn, to, holes | by_age))
    return runs


def _tips(
    tx: Transaction, session: int, runs: list[Run], numbers: dict[int, int]
) -> tuple[list[BranchLine | TipLine], int]:
    """Return the lines of a session's branches and left tips, branches first, and how many these are.

    An attempt that runs is a tip that its branch left, as it would be if its process was killed.
    """
    rows = [TipRow(*row) for row in tx.all(statements.ALL_TIPS, session=session)]
    owners = {row.name: row for row in rows}
    attempts = {row.name: row for row in rows if row.reflog_of is not None and row.lease_claim is not None}
    branches: list[BranchLine | TipLine] = []
    tips: list[BranchLine | TipLine] = []
    extends: set[str] = set()
    for attempt in attempts.values():
        owner = owners.get(str(attempt.reflog_of))
        if owner is not None and attempt.may_extend and (attempt.segment, attempt.tip) == (owner.segment, owner.tip):
            extends.add(owner.name)
    for row in rows:
        values: dict[str, Any] = {
            "run": numbers.get(row.segment, 0),
            "tip": row.tip,
            "turn": row.turn,
            "floor": row.floor,
            "may_extend": bool(row.may_extend) or row.name in extends,
            "forked_from": row.forked_from,
            "forked_at": row.forked_at,
            "forked_turn": row.forked_turn,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "made_in": row.made_in,
            "changed_in": row.changed_in,
        }
        if not row.is_left:
            branches.append(BranchLine(name=row.name, **values))
            continue
        owner = owners.get(str(row.reflog_of))
        if row.name in attempts and owner is not None and _leads_to(runs, numbers, owner, row):
            continue  # It has added nothing yet.
        of = str(row.reflog_of)
        while of in attempts:
            of = str(attempts[of].reflog_of)
        # A tip that an attempt left can be redone by nobody.
        pending = bool(row.pending) and of == row.reflog_of
        tips.append(TipLine(of=of, left_in=int(text_of_key(row.name)[1:]), pending=pending, **values))
    return branches + tips, len(branches)


def _leads_to(runs: list[Run], numbers: dict[int, int], way: TipRow, other: TipRow) -> bool:
    """Tell whether a branch goes through the end of another tip, or ends there."""
    number, high = numbers.get(way.segment, 0), way.tip
    while number:
        run = runs[number - 1]
        if run.segment == other.segment:
            return other.tip <= high
        number, high = run.parent, min(high, run.fork)
    return other.tip == 0

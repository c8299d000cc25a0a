"""Retention: which sessions are old enough for a policy, whether something spares them, and their removal.

A session is judged in a read, and removed in another transaction, which locks it: only if its version is the one that
was judged, and nobody has leased it since. All that policies look at raises the version.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.clock import NEVER
from sessions.db.dialect import text_of_key
from sessions.db.ids import owner_of
from sessions.errors import DamagedSessionError, DecryptionError, MissingKeyError
from sessions.labels import given_owner
from sessions.log.core.locking import lock_session
from sessions.log.core.made_titles import forget_title, is_there
from sessions.log.core.reader import unlock
from sessions.log.encryption.session_encryption import subject_of
from sessions.log.lifetime.audit import Done, record
from sessions.log.lifetime.erase import erase
from sessions.log.lifetime.older_turns import Range, count_older, find_older, remove_older
from sessions.log.lifetime.open_calls import UnreadableCallError, has_open_call
from sessions.log.lifetime.undestroyed import note_undestroyed
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import retention as statements
from sessions.log.statements import sessions as session_statements
from sessions.types.retention import Scope
from sessions.validation import check_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation, Elsewhere
    from sessions.log.core.entry_ids import EntryId
    from sessions.log.lifetime.erase import Erased
    from sessions.types.retention import RetentionPolicy, Spared

_UNREADABLE: Final = (UnreadableCallError, MissingKeyError, DecryptionError, DamagedSessionError)


class Rule(NamedTuple):
    """A policy at one moment: times are microseconds since 1970, UTC.

    Attributes:
        scope: The owners whose sessions it is for.
        created: Only sessions that were made by then.
        updated: Only sessions that were last changed by then.
        archived: Only archived sessions, only others, or both if ``None``.
        empty: Only sessions of which nothing is left.
        keep: How many turns stay; ``None`` if the session goes.
        abandoned: Calls of sessions that were last changed by then wait for nothing any more.
    """

    scope: Scope
    created: int
    updated: int
    archived: bool | None
    empty: bool
    keep: int | None
    abandoned: int

    @classmethod
    def of(cls, policy: RetentionPolicy, now: int) -> Rule:
        """Return a policy as of a time."""
        return cls(
            Scope.of(given_owner(policy.owner), given_owner(policy.below, "below")),
            _before(policy.older_than, now),
            _before(policy.unchanged_for, now),
            policy.archived,
            policy.empty,
            policy.keep_turns,
            -NEVER if policy.abandoned_after is None else _before(policy.abandoned_after, now),
        )

    def is_for(self, row: Standing) -> bool:
        """Tell whether a session is old enough; whether it is empty, and has so many turns, is not asked."""
        of_kind = self.archived is None or self.archived == row.archived
        return of_kind and row.created_at <= self.created and row.updated_at <= self.updated


class Standing(NamedTuple):
    """The columns of a session that policies look at."""

    owner: str | None
    created_at: int
    updated_at: int
    archived: bool
    version: int

    @classmethod
    def of(cls, owner: str | bytes | None, created_at: int, updated_at: int, archived: int, version: int) -> Standing:
        """Return it from the columns of a row."""
        stored = None if owner is None else text_of_key(owner)
        return cls(stored, created_at, updated_at, bool(archived), version)


class Old(NamedTuple):
    """A session that may be old enough.

    Attributes:
        number: Its internal id.
        session_id: The id that users gave.
    """

    number: int
    session_id: str


class Judged(NamedTuple):
    """A session to which a policy applies, as of one version.

    Attributes:
        old: The session.
        owner: Its owner, as `labels.py` writes it.
        version: The version.
        keep: How many turns stay; ``None`` if it goes.
        entries: How many of its entries go.
        ranges: Where these are, if turns stay.
        spared: Why they do not go.
    """

    old: Old
    owner: str | None
    version: int
    keep: int | None
    entries: int
    ranges: list[Range]
    spared: Spared | None = None


class Removal(NamedTuple):
    """How sessions are removed.

    Attributes:
        done: For their audit rows.
        now: The time, in microseconds since 1970, UTC.
        entries: After so many entries, a transaction goes no further.
        has_keys: Whether a key provider has to destroy their keys.
    """

    done: Done
    now: int
    entries: int
    has_keys: bool


def find_old(tx: Transaction, rules: Sequence[Rule], after: int, count: int) -> tuple[list[Old], int | None]:
    """Return those of the next `count` sessions behind an internal id that may be old enough for a rule.

    Returns:
        The sessions, and the id from which to go on; ``None`` at the end.
    """
    values = {"created": max(rule.created for rule in rules), "updated": max(rule.updated for rule in rules)}
    scopes = [rule.scope for rule in rules]
    lows = [scope.low for scope in scopes if scope.low is not None]
    owned = len(lows) == len(scopes)
    whose = {"low": min(lows), "high": max(scope.high or "" for scope in scopes)} if owned else {}
    rows = tx.all(statements.list_old(owned=owned), after=after, count=count, **values, **whose)
    found = [
        Old(number, text_of_key(session_id))
        for number, session_id, *columns, turns in rows
        if any(rule.keep is None or turns >= rule.keep for rule in _applicable(rules, Standing.of(*columns)))
    ]
    return found, rows[-1][0] if len(rows) == count else None


def judge(tx: Transaction, conversation: Conversation, number: int, rules: Sequence[Rule]) -> Judged | None:
    """Return the part of a session that goes by these rules, and the reason to spare it; ``None`` if nothing goes.

    Args:
        tx: A transaction.
        conversation: The session, as of now.
        number: Its internal id.
        rules: The rules, of which those with the most specific owner count.

    Raises:
        KeyWanted: Its keys have to be fetched first.
    """
    found = tx.one(statements.STANDING, session=number, now=conversation.now)
    if found is None:
        return None
    *columns, wrapped_keys, leased = found
    row = Standing.of(*columns)
    rule = _strictest(tx, _applicable(rules, row), number, conversation.now)
    if rule is None:
        return None
    judged = Judged(Old(number, conversation.session_id), row.owner, row.version, rule.keep, 0, [])
    try:
        judged = _with_entries(tx, conversation, judged)
        if judged.keep is not None and not judged.entries:
            return None
        waits = row.updated_at > rule.abandoned and has_open_call(tx, conversation, number, wrapped_keys)
    except _UNREADABLE:
        return judged._replace(spared="leased" if leased else "unreadable")
    return judged._replace(spared="leased" if leased else "pending" if waits else None)


def remove_sessions(
    tx: Transaction, judged: Sequence[Judged], removal: Removal, elsewhere: Elsewhere
) -> list[Erased | None]:
    """Erase sessions that are to go, in their order, until enough entries are gone.

    Returns:
        Of each session that it came to, the numbers of removed rows; ``None`` if it was left, as it was used since.
    """
    removed: list[Erased | None] = []
    entries = 0
    for one in judged:
        if not _is_as_judged(tx, one, removal.now):
            removed.append(None)
            continue
        rows = erase(tx, one.old.session_id, elsewhere)
        counts = {table: count for table, count in rows._asdict().items() if table != "existed"}
        if removal.has_keys:
            note_undestroyed(tx, subject_of(one.old.session_id))
        record(tx, removal.done, one.old.session_id, {"sessions": 1, **counts}, removal.now)
        removed.append(rows)
        entries += rows.entries
        if entries >= removal.entries:
            break
    return removed


def trim_session(tx: Transaction, conversation: Conversation, judged: Judged, removal: Removal) -> int | None:
    """Remove some of the entries of a session's older turns; return how many, or ``None`` if it was used since.

    A title that was made of one of them goes, too. That of an encrypted session stays without its key.

    Raises:
        KeyWanted: The session's keys have to be fetched first.
    """
    if not _is_as_judged(tx, judged, removal.now):
        return None
    removed = remove_older(tx, judged.old.number, judged.ranges, removal.entries, removal.now)
    _forget_title(tx, conversation, judged)
    record(tx, removal.done, judged.old.session_id, {"entries": removed}, removal.now)
    return removed


def _forget_title(tx: Transaction, conversation: Conversation, judged: Judged) -> None:
    """Remove the title if it was made of an entry that has been removed, or came with a fork from elsewhere."""
    session, _, _, wrapped_keys, _ = tx.the(session_statements.WHERE_IT_IS, session_id=conversation.session_id)
    segments = {segment for (segment,) in tx.all(branch_statements.SEGMENTS, session=session)}

    def is_going(entry: EntryId) -> bool:
        is_elsewhere = owner_of(entry.entry) not in segments
        return is_elsewhere or (any(place.holds(entry.entry) for place in judged.ranges) and not is_there(tx, entry))

    with suppress(*_UNREADABLE):
        forget_title(tx, session, unlock(conversation, wrapped_keys), is_going)


def _with_entries(tx: Transaction, conversation: Conversation, judged: Judged) -> Judged:
    """Return a judgement with the entries that go."""
    number, keep = judged.old.number, judged.keep
    if keep is None:
        return judged._replace(entries=int(tx.the(statements.COUNT_STORED, session=number)[0]))
    ranges = find_older(tx, conversation, number, keep)
    return judged._replace(entries=count_older(tx, ranges), ranges=ranges)


def _is_as_judged(tx: Transaction, judged: Judged, now: int) -> bool:
    """Lock a session, and tell whether it may be removed as it was judged."""
    number = judged.old.number
    # By the id that users gave, as everybody locks it: MariaDB locks its index, too, and two orders may be a deadlock.
    if lock_session(tx, judged.old.session_id) != number:
        return False
    if tx.the(statements.VERSION_NOW, session=number)[0] != judged.version:
        return False
    return tx.one(statements.IS_LEASED, session=number, now=now) is None


def _applicable(rules: Sequence[Rule], row: Standing) -> list[Rule]:
    """Return the rules by which a session goes, unless it is not empty: of those for its owner, the most specific."""
    covering = [rule for rule in rules if rule.scope.covers(row.owner)]
    rank = max((rule.scope.rank for rule in covering), default=None)
    return [rule for rule in covering if rule.scope.rank == rank and rule.is_for(row)]


def _strictest(tx: Transaction, rules: Sequence[Rule], number: int, now: int) -> Rule | None:
    """Return the rule that removes most of a session: all of it, or all but the fewest turns."""
    for rule in rules:
        if rule.keep is None and not rule.empty:
            return rule
    if any(rule.empty for rule in rules) and tx.one(session_statements.IS_LEFT_EMPTY, session=number, now=now):
        return next(rule for rule in rules if rule.empty)
    keeping = [rule for rule in rules if rule.keep is not None]
    return min(keeping, key=lambda rule: rule.keep or 0, default=None)


def _before(duration: float | timedelta | None, now: int) -> int:
    return NEVER if duration is None else now - check_seconds(duration, "duration")

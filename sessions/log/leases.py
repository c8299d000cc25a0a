"""Leases: one holder at a time has a branch.

A lease has an end and a token, a number greater than those of all earlier leases in the session, even if that was
deleted and created again since (`statements.leases.NUMBERS`). Until then no other caller gets the branch. From then on
it can be leased again, or any change without a lease ends the old one; the token fences the late holder off from that
moment, however late its changes arrive. Until then the holder can continue. So clocks decide when others may come, and
never whether two callers hold one lease.

Callers that find a branch leased can wait: by tickets, in the order of their numbers. A ticket has to be confirmed in
time, so no caller waits behind a dead process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from sessions.db.command import Command
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import begin_session, lock_conversation
from sessions.log.core.extend import ensure_row
from sessions.log.core.fencing import Lease, lease_of
from sessions.log.core.fork import fork
from sessions.log.core.heads import find_head, lineage, name_of
from sessions.log.core.locking import bump_version, lock_session
from sessions.log.core.turns import turn_at
from sessions.log.statements import leases as statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head

TICKET_LIFE: Final = 3_000_000
"""Microseconds after which a ticket is void unless it is shown again."""


class Taken(NamedTuple):
    """A lease that was taken.

    Attributes:
        branch: On which branch.
        token: Its number.
    """

    branch: str
    token: int


class Refused(NamedTuple):
    """A lease that was not taken.

    Attributes:
        branch: On which branch.
        lease: The one that is held there; with token 0 if others wait for the branch, which is free.
    """

    branch: str
    lease: Lease


@dataclass(frozen=True, slots=True, eq=False)
class TakeLease(Command["Taken | Refused"]):
    """Take a lease.

    Attributes:
        conversation: The session.
        branch: The branch; the current one if ``None``.
        claim: Identifies the caller.
        holder: The caller's name, for others.
        is_open: Whether others may change the branch without a lease.
        now: The time, in microseconds since 1970, UTC.
        ttl: Its duration in microseconds.
        otherwise: The reaction to a held branch: ``wait``, ``fork`` or ``reject``.
    """

    conversation: Conversation
    branch: str | None
    claim: str
    holder: str | None
    is_open: bool
    now: int
    ttl: int
    otherwise: str

    @property
    def repeatable(self) -> bool:
        """The claim identifies a repeated call."""
        return True

    def __call__(self, tx: Transaction) -> Taken | Refused:
        """Take it in `tx`.

        Raises:
            UnknownBranchError: The session has no such branch.
            DecryptionError: The session is encrypted with another key.
        """
        conversation, now = self.conversation, self.now
        session = lock_conversation(tx, conversation, now)
        if session is None:
            session = begin_session(tx, conversation, now, self.branch).session
        head = cast("Head", find_head(tx, conversation, self.branch))
        lease = lease_of(tx, session, head.branch)
        place: dict[str, Any] = {"session": session, "branch": head.branch}
        if lease.token and lease.claim == self.claim:
            # The answer was lost.
            return Taken(head.branch, lease.token)
        if self.otherwise == "fork":
            row = tx.one(statements.CLAIMED, session=session, claim=self.claim)
            if row is not None:  # The answer was lost, too.
                name, made_in, token, begins = row
                forked = name_of(name, session, made_in)
                return Taken(forked, token) if token else self._put(tx, session, forked, begins)
        tx.run(statements.FORGET_VOID, session=session, now=now)
        first = tx.one(statements.FIRST_WAITING, now=now, **place)
        if lease.until <= now and (first is None or first[0] == self.claim):
            if not head.segment:
                ensure_row(tx, cast("Any", bump_version(tx, conversation, now, head.branch, guard=False)), now)
            tx.run(statements.WAIT_NO_MORE, session=session, claim=self.claim)
            return self._put(tx, session, head.branch, head.tip)
        if self.otherwise == "fork":
            return self._fork(tx, head, lease)
        if self.otherwise == "wait":
            again = {"claim": self.claim, "until": now + TICKET_LIFE, **place}
            if tx.one(statements.WAITS, **again) is None:
                (ticket,) = tx.the(statements.NEXT_NUMBER, session=session)
                tx.run(statements.WAIT, ticket=ticket, **again)
        return Refused(head.branch, lease if lease.until > now else Lease())

    def _put(self, tx: Transaction, session: int, branch: str, tip: int) -> Taken:
        (token,) = tx.the(statements.NEXT_NUMBER, session=session)
        lease = Lease(token, self.now + self.ttl, int(self.is_open), tip, self.holder, self.claim)
        tx.run(statements.PUT_LEASE, session=session, branch=branch, **lease._asdict())
        return Taken(branch, token)

    def _fork(self, tx: Transaction, head: Head, lease: Lease) -> Taken:
        """Create a branch from the state when the other lease began, and lease that."""
        locked: Any = bump_version(tx, self.conversation, self.now, guard=False)
        tip = min(lease.begins, head.tip) if lease.until > self.now else head.tip
        stretches = lineage(tx, head)
        turn = turn_at(tx, stretches, tip)
        made = False
        while not made:
            # A branch may already have this name.
            (number,) = tx.the(statements.NEXT_NUMBER, session=head.session)
            name = f"fork-{number % statements.NUMBERS}"
            made = fork(tx, locked._replace(branch=name), head, stretches, tip=tip, turn=turn, now=self.now)
        record_change(tx, locked, "branched", self.now)
        return self._put(tx, head.session, name_of(name, head.session, locked.version), tip)


@dataclass(frozen=True, slots=True, eq=False)
class SetLease(Command[bool]):
    """Renew a lease or give it back.

    Attributes:
        session_id: The session.
        branch: The branch.
        token: The lease.
        until: When it ends now; 0 to give it back.
    """

    session_id: str
    branch: str
    token: int
    until: int

    @property
    def repeatable(self) -> bool:
        """Done again, it finds the same lease or none."""
        return True

    def __call__(self, tx: Transaction) -> bool:
        """Do it in `tx`, and tell whether the lease was still held."""
        session = lock_session(tx, self.session_id)
        if session is None or lease_of(tx, session, self.branch).token != self.token:
            return False
        statement = statements.RENEW_LEASE if self.until else statements.END_LEASE
        values = {"until": self.until} if self.until else {}
        tx.run(statement, session=session, branch=self.branch, **values)
        return True


def give_up(tx: Transaction, session_id: str, claim: str) -> None:
    """End a caller's attempt to take a lease: its ticket, or the lease itself if the answer was lost."""
    session = lock_session(tx, session_id)
    if session is not None:
        tx.run(statements.WAIT_NO_MORE, session=session, claim=claim)
        tx.run(statements.GIVE_UP, session=session, claim=claim)

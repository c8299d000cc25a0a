"""Any interleaving of leases, with time that goes by, clocks that differ, and crashes before every statement.

Processes are functions of a bare log on SQLite in memory, each with a clock of its own; a crash ends a transaction
before one of its statements, and the process forgets what it was doing, or believes that it still holds its lease.

Fails without: log/statements/fragments.py, `else b.lease_token = {lease}`; log/core/fencing.py,
`lease.token != conversation.lease`
and `END_LEASE`; log/leases.py, `lease.until <= now`; log/statements/leases.py, where the first number is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessions.errors import LeaseLostError, SessionBusyError
from sessions.items.calls import classify
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.append import Append
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.core.extend import NewEntry
from sessions.log.history.undo import undo
from sessions.log.leases import SetLease, TakeLease, Taken, give_up
from sessions.log.lifetime.remove import delete
from sessions.log.pop import Pop
from sessions.log.read import ReadTail
from tests.log.bare_log import CODEC, BareLog, user

if TYPE_CHECKING:
    from collections.abc import Callable

TTL = 10
_SECOND = 1_000_000
PROCESSES = st.integers(0, 3)


class CrashError(Exception):
    """The process ended here."""


class _Crashing:
    """A transaction that ends before one of its statements."""

    def __init__(self, tx: Any, left: int | None) -> None:
        self._tx, self._left = tx, left

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._tx, name)
        if not callable(method):
            return method

        def run(*arguments: Any, **values: Any) -> Any:
            if self._left is not None:
                if not self._left:
                    raise CrashError
                self._left -= 1
            return method(*arguments, **values)

        return run


class TurnMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.log = BareLog()
        self.time = 1_000_000 * _SECOND
        self.skews = [0, 3, -3, 7]
        # What each process believes to hold: a token, and whether others are kept out.
        self.tokens: list[int | None] = [None] * 4
        # The truth: the last token that was given, who may still write with one, and when it ends by the true time.
        self.given = 0
        self.holder: int | None = None
        self.open = False
        self.until = 0
        self.items: list[str] = []
        self.number = 0

    def _now(self, process: int) -> int:
        return self.time + self.skews[process] * _SECOND

    def _conversation(self, process: int, token: int | None = None) -> Conversation:
        return Conversation("s", CODEC, SDKSessions(ForeignTables()), now=self._now(process), lease=token)

    def _do(self, work: Callable[[Any], Any], crash: int | None) -> Any:
        """Do `work` as a transaction; return its result, its error, or the crash, after which nothing was done."""
        connection = self.log.connection
        connection.execute("begin immediate")
        try:
            result = work(_Crashing(self.log.tx, crash))
            connection.execute("commit")
        except (CrashError, LeaseLostError, SessionBusyError) as error:
            connection.execute("rollback")
            return error
        return result

    @rule(seconds=st.integers(1, 25))
    def time_goes_by(self, seconds: int) -> None:
        self.time += seconds * _SECOND

    @rule(process=PROCESSES, is_open=st.booleans(), crash=st.none() | st.integers(0, 12), lost=st.booleans())
    def take(self, process: int, *, is_open: bool, crash: int | None, lost: bool) -> None:
        now = self._now(process)
        self.number += 1
        taking = TakeLease(
            self._conversation(process),
            None,
            f"claim {self.number}",
            str(process),
            is_open,
            now,
            TTL * _SECOND,
            "reject",
        )
        taken = self._do(taking, crash)
        if not isinstance(taken, Taken):
            # Nobody is kept waiting without reason.
            assert isinstance(taken, CrashError) or (self.holder is not None and now < self.until)
            return
        assert self.holder is None or now >= self.until
        assert taken.token > self.given, "a number was given twice"
        assert self._do(taking, None) == taken, "asking again gives what was given"
        self.given, self.holder, self.open, self.until = taken.token, taken.token, is_open, now + TTL * _SECOND
        # Who crashes before the answer comes holds a lease and does not know it.
        self.tokens[process] = None if lost else taken.token

    @precondition(lambda self: any(self.tokens))
    @rule(data=st.data(), crash=st.none() | st.integers(0, 5), ends=st.booleans())
    def renew_or_give_back(self, data: st.DataObject, *, crash: int | None, ends: bool) -> None:
        process = data.draw(st.sampled_from([n for n, token in enumerate(self.tokens) if token]))
        token = self.tokens[process] or 0
        until = 0 if ends else self._now(process) + TTL * _SECOND
        held = self._do(SetLease("s", "main", token, until), crash)
        if isinstance(held, CrashError):
            return
        assert held == (self.holder == token)
        if held:
            self.until, self.holder = until, None if ends else token
        if ends and data.draw(st.booleans()):
            self.tokens[process] = None

    @rule(process=PROCESSES, leased=st.booleans(), crash=st.none() | st.integers(0, 8), how=st.integers(0, 4))
    def change(self, process: int, *, leased: bool, crash: int | None, how: int) -> None:
        token = self.tokens[process] if leased else None
        now, conversation = self._now(process), self._conversation(process, token)
        self.number += 1
        text = f"{self.number}"
        item = user(text)
        (kind,) = classify([item])
        entries = [NewEntry(CODEC.encode_all([item])[0], *kind)]
        changes: list[Callable[[Any], Any]] = [
            Append(conversation, entries, now),
            Pop(conversation, now, strict=False),
            lambda tx: undo(tx, conversation, now, branch=None, turns=1),
        ]
        which = max(0, how - 2) if self.items else 0
        result = self._do(changes[which], crash)
        if isinstance(result, CrashError):
            return
        if token is not None:
            allowed = self.holder == token
            assert isinstance(result, LeaseLostError) == (not allowed)
        else:
            allowed = self.holder is None or now >= self.until or self.open
            assert isinstance(result, SessionBusyError) == (not allowed)
        if not allowed:
            return
        if token is None and now >= self.until:
            # Whoever comes after its end ends it.
            self.holder = None
        if which == 0:
            self.items.append(text)
        else:
            self.items.pop()

    @rule(crash=st.none() | st.integers(0, 8))
    def delete(self, crash: int | None) -> None:
        result = self._do(lambda tx: delete(tx, "s", SDKSessions(ForeignTables())), crash)
        if not isinstance(result, CrashError):
            # Whoever held it does not know.
            self.holder = None
            self.items = []

    @rule(crash=st.none() | st.integers(0, 5), claim=st.integers(0, 60))
    def give_up(self, crash: int | None, claim: int) -> None:
        rows = self.log.rows("select lease_token, lease_claim from agent_log_branches where lease_token > 0")
        result = self._do(lambda tx: give_up(tx, "s", f"claim {claim}"), crash)
        if not isinstance(result, CrashError) and any(row["lease_claim"] == f"claim {claim}" for row in rows):
            self.holder = None

    @invariant()
    def what_is_there_is_what_was_let_through(self) -> None:
        tail = ReadTail(self._conversation(0), None)(self.log.tx)
        assert tail is not None
        assert [item["content"] for item in tail.items] == self.items

    def teardown(self) -> None:
        assert self.log.damage() == []
        self.log.connection.close()


TestTurns = TurnMachine.TestCase
TestTurns.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)

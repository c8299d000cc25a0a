"""Usage: recording the cost of runs. `usage_sums.py` adds it up.

A record is kept under a key, so that recording twice counts once. It belongs to a place, a branch's last entry at that
moment, and so to every branch that sees this entry; and to the session, even if the entry goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import msgspec

from sessions.db.command import Command
from sessions.db.dialect import text_of_key
from sessions.errors import IdempotencyKeyReusedError
from sessions.log.core.changing import begin_session, lock_head
from sessions.log.core.heads import entry_at, find_head, lineage
from sessions.log.core.turns import turn_not_found, turn_start
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import usage as usage_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch

CALLERS_KEY: Final = "key"
"""What the keys begin with that callers choose."""

OUTPUT_KEY: Final = "output"
"""What the keys begin with that are those of an output: they say which one within its turn."""

MAX_AMOUNT: Final = 10**12
"""Of requests or tokens in one record: more is a mistake or damage, and sums stay within 64 bits."""

_GROWTH: Final = "\x1f"
"""Between a run's key and the number of a later record of it; no key has such a character in it."""


INPUT_DETAILS: Final = 1
OUTPUT_DETAILS: Final = 2
"""Details of its tokens that a record may not have been told, added up; they are 0 then."""


class Amounts(NamedTuple):
    """Numbers of requests and tokens, as in `sessions.types.usage.Usage`."""

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def plus(self, other: Amounts) -> Amounts:
        """Return the sums."""
        return Amounts(*(mine + others for mine, others in zip(self, other, strict=True)))

    def beyond(self, other: Amounts) -> Amounts:
        """Return by how much these are more than others; 0 where they are less."""
        return Amounts(*(max(0, mine - others) for mine, others in zip(self, other, strict=True)))


class Call(NamedTuple):
    """One call of a model, or any other record that is complete.

    Attributes:
        keys: The keys that it may have been recorded under; it will be under the first.
        amounts: Its usage.
        model: The model's name.
        agent: The agent's name.
        cost: In billionths.
        untold: Which details it does not tell: `INPUT_DETAILS`, `OUTPUT_DETAILS`, both added up, or 0.
    """

    keys: tuple[str, ...]
    amounts: Amounts
    model: str | None
    agent: str | None
    cost: int | None = None
    untold: int = 0


class Run(NamedTuple):
    """The whole usage of a run so far, including the part that its calls do not explain.

    Attributes:
        keys: The keys that this part may have been recorded under; it will be under the first.
        amounts: Its usage.
        model: The model's name, if it is known for all of it.
        agent: The agent's name, if it is known for all of it.
        untold: As for a call.
    """

    keys: tuple[str, ...]
    amounts: Amounts
    model: str | None
    agent: str | None
    untold: int = 0


class Record(Command[None], msgspec.Struct, eq=False):
    """Record new usage at the end of a branch or of one of its turns. The version stays.

    With a run, its records are completed to its whole usage: so it does not matter whether the run, its calls or some
    of them were recorded before.

    Attributes:
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        calls: The calls.
        run: The run that they belong to.
        branch: The branch; the current one unless named.
        turn: The turn; the last one unless given.
        author: Whose object records it.
    """

    conversation: Conversation
    now: int
    calls: Sequence[Call]
    run: Run | None
    branch: str | None = None
    turn: int | None = None
    author: str | None = None
    _turn_id: str | None = None
    """What tells the turn from all others, which is a part of the keys of outputs. Kept when this is done again:
    another process may have begun the next turn meanwhile."""

    def on_current_branch(self) -> Record:
        """Return the same for the current branch."""
        return Record(self.conversation, self.now, self.calls, self.run, turn=self.turn, author=self.author)

    @property
    def repeatable(self) -> bool:
        """Its keys are chosen before it runs."""
        return True

    def __call__(self, tx: Transaction) -> None:
        """Record in `tx`.

        Raises:
            IdempotencyKeyReusedError: The caller's key was used before for other amounts.
            TurnNotFoundError: The branch has no such turn.
            UnknownBranchError: The session has no such branch.
        """
        conversation, turn = self.conversation, self.turn
        head = lock_head(tx, conversation, self.now, self.branch, guard=False)
        if head is None:
            begin_session(tx, conversation, self.now)
            head = cast("Head", find_head(tx, conversation, self.branch))
        if turn is not None and turn > head.turn:
            raise turn_not_found(conversation.session_id, head, f"turn {turn}")
        stretches = lineage(tx, head)
        last = turn is None or turn == head.turn
        position = head.tip if last else turn_start(tx, stretches, cast("int", turn) + 1) - 1
        place: dict[str, Any] = {"session": head.session, "place": entry_at(stretches, position), "now": self.now}
        place |= {"turn": head.turn if turn is None else turn, "author": self.author}
        if self._turn_id is None and any(key.startswith(OUTPUT_KEY) for call in self.calls for key in call.keys):
            self._turn_id = _id_of_turn(tx, head, stretches, place["turn"])
        _record(tx, conversation.session_id, self._calls_in_turn(), self.run, place)

    def _calls_in_turn(self) -> list[Call]:
        """Return the calls with keys that say in which turn their outputs are."""
        return [call._replace(keys=tuple(_in_turn(key, self._turn_id) for key in call.keys)) for call in self.calls]


def _record(tx: Transaction, session_id: str, calls: Sequence[Call], run: Run | None, place: dict[str, Any]) -> None:
    recorded = _recorded(tx, session_id, place["session"], calls, run)
    room = _missing(recorded, calls, run)
    for call in calls:
        if not recorded.keys().isdisjoint(call.keys):
            continue
        if run is not None:
            if any(call.amounts.beyond(room)):
                continue  # It was recorded as a part of the run, before it was known as a call.
            room = room.beyond(call.amounts)
        _add(tx, call.keys[0], call, place)
        recorded[call.keys[0]] = call.amounts
    if run is not None and any(room):
        first = run.keys[0]
        number = sum(key == first or key.startswith(first + _GROWTH) for key in recorded)
        key = f"{first}{_GROWTH}{number:06}" if number else first
        _add(tx, key, Call((key,), room, run.model, run.agent, untold=run.untold), place)


def _id_of_turn(tx: Transaction, head: Head, stretches: list[Stretch], turn: int) -> str:
    """Return the id of a turn's first entry, and the version that added it: a popped one's place is taken again."""
    if not stretches:
        return ""
    entry = entry_at(stretches, turn_start(tx, stretches, turn))
    rows = tx.all(entry_statements.VERSIONS, low=entry - 1, high=entry, **head.reader.visible)
    return f"{entry}.{rows[0][1] if rows else 0}"


def _in_turn(key: str, turn_id: str | None) -> str:
    return f"{key}@{turn_id}" if key.startswith(OUTPUT_KEY) else key


def _recorded(
    tx: Transaction, session_id: str, session: int, calls: Sequence[Call], run: Run | None
) -> dict[str, Amounts]:
    """Return the records of calls and of a run by key; add costs that were unknown then."""
    found: dict[str, Amounts] = {}
    for call in calls:
        for key in call.keys:
            row = tx.one(usage_statements.FIND_USAGE, session=session, usage_key=key)
            if row is None:
                continue
            found[key] = Amounts(*row)
            if key.startswith(CALLERS_KEY) and found[key] != call.amounts:
                raise IdempotencyKeyReusedError(
                    f"session {session_id!r}: this key was used before for other usage. Nothing was recorded. Use a "
                    "new key for each result."
                )
            if call.cost is not None:
                tx.run(usage_statements.NOTE_COST, session=session, usage_key=key, cost=call.cost)
            break
    for run_key in () if run is None else run.keys:
        bounds = {"low": run_key + _GROWTH, "high": run_key + chr(ord(_GROWTH) + 1)}
        for key, *amounts in tx.all(usage_statements.USAGE_OF_RUN, session=session, usage_key=run_key, **bounds):
            found[text_of_key(key)] = Amounts(*amounts)
    return found


def _missing(recorded: dict[str, Amounts], calls: Sequence[Call], run: Run | None) -> Amounts:
    """Return the unrecorded usage of a run, which is at least that of its calls."""
    if run is None:
        return Amounts()
    of_calls = total(call.amounts for call in calls)
    return run.amounts.plus(of_calls.beyond(run.amounts)).beyond(total(recorded.values()))


def total(amounts: Iterable[Amounts]) -> Amounts:
    """Return the sums of amounts."""
    result = Amounts()
    for some in amounts:
        result = result.plus(some)
    return result


def _add(tx: Transaction, key: str, call: Call, place: dict[str, Any]) -> None:
    tx.run(
        usage_statements.ADD_USAGE,
        usage_key=key, model=call.model, agent=call.agent, cost=call.cost, untold=call.untold, **place,
        **call.amounts._asdict(),
    )  # fmt: skip

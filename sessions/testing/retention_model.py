"""The model of retention: sessions as lists of turns in memory, and which of them a policy leaves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sessions.testing.info_model import is_below
from sessions.testing.verified import check_verified
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sessions.labels import Owner
    from sessions.testing.expiry_model import MovableClock, OpenStore

IDS: Final = ("s1", "s2", "s3", "s4", "s5")
OWNERS: Final = ("ann", ("ann", "x"), "anna", "bob")
LEASE: Final = 3600
AGES: Final = st.none() | st.sampled_from([50, 5000])

POLICIES: Final[st.SearchStrategy[dict[str, Any]]] = st.builds(
    dict,
    older_than=AGES,
    unchanged_for=AGES,
    keep_turns=st.none() | st.integers(1, 3),
    archived=st.sampled_from([None, None, True, False]),
    abandoned_after=st.none() | st.just(4000),
    owner=st.none() | st.sampled_from(OWNERS),
    below=st.none() | st.sampled_from(OWNERS),
)


@dataclass(eq=False)
class Stored:
    """An item of the model. Branches share the very same objects."""

    item: dict[str, Any]
    turn: int


@dataclass
class Line:
    """A branch of the model."""

    items: list[Stored] = field(default_factory=list)
    turn: int = 0

    def has_open_call(self) -> bool:
        """Tell whether a call has no output."""
        ids: dict[str, set[str]] = {"function_call": set(), "function_call_output": set()}
        for stored in self.items:
            ids.get(stored.item.get("type", ""), set()).add(stored.item.get("call_id", ""))
        return bool(ids["function_call"] - ids["function_call_output"])

    def first_kept(self, keep: int) -> int:
        """Return the number of the first turn that is kept; 0 if all are."""
        turns = sorted({stored.turn for stored in self.items if stored.turn})
        return turns[-keep] if len(turns) >= keep else 0


@dataclass
class Known:
    """A session of the model."""

    owner: Owner
    created: float
    changed: float
    archived: bool = False
    leased_until: float = -1
    lines: dict[str, Line] = field(default_factory=lambda: {"main": Line()})

    def stored(self) -> list[Stored]:
        """Return all items, those that branches share once."""
        return list(dict.fromkeys(stored for line in self.lines.values() for stored in line.items))

    def kept(self, keep: int) -> list[Stored]:
        """Return the items that stay if each branch keeps so many turns."""
        return [
            stored
            for line in self.lines.values()
            for stored in line.items
            if stored.turn >= line.first_kept(keep) or (stored.turn == 0 and stored.item.get("role") == "system")
        ]


@dataclass
class Verdict:
    """The part of a session that goes, or the reason to spare it."""

    keep: int | None
    going: list[Stored]
    spared: str | None


class RetentionMachine(RuleBasedStateMachine):
    """After any sequence of changes, a policy removes what the model removes, and the dry run before has said so."""

    def __init__(self, open_here: OpenStore, time: MovableClock) -> None:
        super().__init__()
        self._store = open_here()
        self._time = time
        self._runner = asyncio.Runner()
        self._model: dict[str, Known] = {}
        self._leases: list[AbstractAsyncContextManager[Any]] = []
        self._erased: dict[str, float] = {}
        self._count = 0
        self._runner.run(self._forget())

    async def _forget(self) -> None:
        """Begin without sessions: the examples of one test share its database."""
        for session_id in IDS:
            await self._store.erase(session_id, scrub=False)
        self._erased = {one: at.timestamp() for one in IDS if (at := await self._store.erased_at(one)) is not None}

    @rule(seconds=st.sampled_from([20, 100, 3000, 6000, -40]))
    def move_the_clock(self, seconds: int) -> None:
        self._time.move(seconds)

    @rule(session_id=st.sampled_from(IDS), owner=st.sampled_from(OWNERS), branch=st.integers(0, 2),
          roles=st.lists(st.sampled_from(["user", "assistant", "system"]), min_size=1, max_size=6))  # fmt: skip
    def add(self, session_id: str, owner: Owner, branch: int, roles: list[str]) -> None:
        self._add(session_id, owner, branch, [{"role": role, "content": self._word()} for role in roles])

    @rule(session_id=st.sampled_from(IDS), branch=st.integers(0, 2))
    def call(self, session_id: str, branch: int) -> None:
        if session_id in self._model:
            call = {"type": "function_call", "call_id": self._word(), "name": "look", "arguments": "{}"}
            self._add(session_id, "ann", branch, [call])

    @rule(session_id=st.sampled_from(IDS), branch=st.integers(0, 2))
    def answer(self, session_id: str, branch: int) -> None:
        known = self._model.get(session_id)
        if known is None:
            return
        _, line = _pick(known, branch)
        answered = {one.item["call_id"] for one in line.items if one.item.get("type") == "function_call_output"}
        calls = [one.item["call_id"] for one in line.items if one.item.get("type") == "function_call"]
        outputs = [
            {"type": "function_call_output", "call_id": call, "output": "x"} for call in calls if call not in answered
        ]
        if outputs:
            self._add(session_id, "ann", branch, outputs)

    @rule(session_id=st.sampled_from(IDS), name=st.sampled_from(["b", "c"]))
    def fork(self, session_id: str, name: str) -> None:
        known = self._model.get(session_id)
        if known is None or name in known.lines:
            return
        self._runner.run(self._store.session(session_id).on_branch("main").branches.create(name))
        known.lines[name] = Line(list(known.lines["main"].items), known.lines["main"].turn)
        known.changed = self._time.seconds

    @rule(session_id=st.sampled_from(IDS), archived=st.booleans(), owner=st.sampled_from(OWNERS))
    def set_info(self, session_id: str, owner: Owner, *, archived: bool) -> None:
        known = self._model.get(session_id)
        if known is not None:
            self._runner.run(self._store.session(session_id).set_info(archived=archived, owner=owner))
            known.archived, known.owner, known.changed = archived, owner, self._time.seconds

    @rule(session_id=st.sampled_from(IDS))
    def lease(self, session_id: str) -> None:
        known = self._model.get(session_id)
        if known is None or known.leased_until > self._time.seconds:
            return
        leasing = self._store.session(session_id).lease(ttl=LEASE, on_busy="reject")
        self._runner.run(leasing.__aenter__())
        self._leases.append(leasing)
        known.leased_until = self._time.seconds + LEASE

    @rule(given=st.lists(POLICIES, min_size=1, max_size=3), batch=st.sampled_from([1, 3, 500]))
    def retain(self, given: list[dict[str, Any]], batch: int) -> None:
        policies = [policy for one in given if (policy := _policy(one)) is not None]
        if not policies:
            return
        gone: dict[str, list[Stored]] = {}
        erased: set[str] = set()
        spared = {"leased": 0, "pending": 0}
        for session_id, known in self._model.items():
            verdict = self._verdict(known, policies)
            if verdict is None:
                continue
            if verdict.spared is not None:
                spared[verdict.spared] += 1
                continue
            gone[session_id] = verdict.going
            erased |= {session_id} if verdict.keep is None else set()
        before = self._runner.run(self._seen())
        said = self._runner.run(self._store.retain(policies, dry_run=True))
        assert self._runner.run(self._seen()) == before
        report = self._runner.run(self._store.retain(policies, batch=batch, scrub=False, actor="the machine"))
        numbers = (len(erased), len(gone) - len(erased), sum(map(len, gone.values())))
        for one in (said, report):
            assert (one.erased, one.trimmed, one.entries) == numbers
            assert (one.leased, one.pending_calls) == (spared["leased"], spared["pending"])
            assert (one.unreadable, one.changed, set(one.session_ids)) == (0, 0, set(gone))
        for session_id, going in gone.items():
            if session_id in erased:
                del self._model[session_id]
                self._erased[session_id] = self._time.seconds
                continue
            for line in self._model[session_id].lines.values():
                line.items = [stored for stored in line.items if stored not in going]
        again = self._runner.run(self._store.retain(policies, scrub=False))
        assert (again.erased, again.trimmed, again.entries) == (0, 0, 0)

    @rule(owner=st.sampled_from(OWNERS), below=st.booleans())
    def erase_owner(self, owner: Owner, *, below: bool) -> None:
        owned = {
            one: known
            for one, known in self._model.items()
            if (is_below(known.owner, owner) if below else known.owner == owner)
        }
        receipt = self._runner.run(self._store.erase_owner(owner, below=below, scrub=False))
        assert receipt.sessions == len(owned)
        assert receipt.rows["log"].get("entries", 0) == sum(len(known.stored()) for known in owned.values())
        for session_id in owned:
            del self._model[session_id]
            self._erased[session_id] = self._time.seconds

    @invariant()
    def all_is_there(self) -> None:
        assert self._runner.run(self._seen()) == {
            session_id: {name: [stored.item for stored in line.items] for name, line in known.lines.items()}
            for session_id, known in self._model.items()
        }
        erased = {one: self._runner.run(self._store.erased_at(one)) for one in IDS}
        assert {one: at.timestamp() for one, at in erased.items() if at is not None} == self._erased

    def teardown(self) -> None:
        self._runner.run(self._release())
        for session_id in self._model:
            self._runner.run(check_verified(self._store.session(session_id)))
        self._runner.close()

    async def _release(self) -> None:
        for leasing in self._leases:
            await leasing.__aexit__(None, None, None)

    async def _seen(self) -> dict[str, dict[str, list[Any]]]:
        """Return all items, by session and branch."""
        found = {}
        for info in await self._store.sessions():
            session = self._store.session(info.session_id)
            names = [branch.name for branch in await session.branches.list()]
            found[info.session_id] = {name: await session.on_branch(name).get_items() for name in names}
        return found

    def _add(self, session_id: str, owner: Owner, branch: int, items: list[dict[str, Any]]) -> None:
        known = self._model.get(session_id)
        if known is None:
            known = self._model[session_id] = Known(owner, self._time.seconds, self._time.seconds)
            self._runner.run(self._store.session(session_id, owner=owner).add_items(items))
            name, line = "main", known.lines["main"]
        else:
            name, line = _pick(known, branch)
            self._runner.run(self._store.session(session_id).on_branch(name).add_items(items))
        known.changed = self._time.seconds
        for item in items:
            line.turn += item.get("role") == "user"
            line.items.append(Stored(item, line.turn))

    def _verdict(self, known: Known, policies: list[RetentionPolicy]) -> Verdict | None:
        """Return the part of a session that goes by some policies; ``None`` if nothing does."""
        policy = self._policy_for(known, policies)
        if policy is None:
            return None
        staying = set() if policy.keep_turns is None else set(known.kept(policy.keep_turns))
        going = [stored for stored in known.stored() if stored not in staying]
        if policy.keep_turns is not None and not going:
            return None
        spared = None
        if known.leased_until > self._time.seconds:
            spared = "leased"
        elif any(line.has_open_call() for line in known.lines.values()):
            after = policy.abandoned_after
            is_abandoned = after is not None and known.changed <= self._time.seconds - _number(after)
            spared = None if is_abandoned else "pending"
        return Verdict(policy.keep_turns, going, spared)

    def _policy_for(self, known: Known, policies: list[RetentionPolicy]) -> RetentionPolicy | None:
        """Return the policy by which most of a session goes."""
        ranks = {id(policy): _rank(policy, known.owner) for policy in policies}
        highest = max((rank for rank in ranks.values() if rank is not None), default=None)
        applying = [
            policy
            for policy in policies
            if ranks[id(policy)] is not None and ranks[id(policy)] == highest and self._applies(policy, known)
        ]
        erasing = [policy for policy in applying if policy.keep_turns is None]
        return erasing[0] if erasing else min(applying, key=lambda policy: policy.keep_turns or 0, default=None)

    def _applies(self, policy: RetentionPolicy, known: Known) -> bool:
        old = policy.older_than is None or known.created <= self._time.seconds - _number(policy.older_than)
        still = policy.unchanged_for is None or known.changed <= self._time.seconds - _number(policy.unchanged_for)
        return old and still and policy.archived in (None, known.archived)

    def _word(self) -> str:
        self._count += 1
        return str(self._count)


def _policy(given: dict[str, Any]) -> RetentionPolicy | None:
    """Return the policy of some arguments, of which at most one names owners; ``None`` if they say too little."""
    wanted = {name: value for name, value in given.items() if value is not None}
    if "owner" in wanted:
        wanted.pop("below", None)
    if not wanted.keys() & {"older_than", "unchanged_for", "keep_turns"} and not wanted.get("archived"):
        return None
    return RetentionPolicy(**wanted)


def _rank(policy: RetentionPolicy, owner: Owner) -> tuple[int, bool] | None:
    """Return how specific a policy's owner is; ``None`` if it is not for the owner of a session."""
    for given, exact in ((policy.owner, True), (policy.below, False)):
        if isinstance(given, str | tuple):
            matches = owner == given if exact else is_below(owner, given)
            return (1 if isinstance(given, str) else len(given), exact) if matches else None
    return 0, False


def _pick(known: Known, number: int) -> tuple[str, Line]:
    names = sorted(known.lines)
    name = names[number % len(names)]
    return name, known.lines[name]


def _number(seconds: Any) -> float:
    return float(seconds)

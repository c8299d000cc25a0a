"""Checking the lines of one session as they come in: whether they can be true together.

Everything that readers of the session rely on is checked. Kinds, formats and payloads of any shape are kept unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, get_args

from sessions.clock import NEVER
from sessions.db.ids import MAX_POSITION, POSITIONS, id_of
from sessions.items.kinds import USER
from sessions.log.core.heads import MAIN, NUMBERS
from sessions.log.exports.lines import (
    KINDS,
    BranchLine,
    ChangeLine,
    CopyLine,
    Counts,
    EndLine,
    EntryLine,
    KeyLine,
    RetryLine,
    RunLine,
    SessionLine,
    TipLine,
    UsageLine,
)
from sessions.log.exports.values import MAX_BYTES, check_digest, check_optional, check_session, check_times, within
from sessions.log.statements.item_keys import EVERYWHERE
from sessions.log.usage import MAX_AMOUNT
from sessions.types import ChangeKind
from sessions.validation import MAX_KEY_BYTES, MAX_NAME_BYTES, check_branch_name, check_text

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_COST: Final = (1 << 63) - 1
_CHANGES: Final = frozenset(get_args(ChangeKind))
_ORDER: Final = {kind: max(0, number - 1) for number, kind in enumerate(KINDS)}
"""Runs and entries alternate; all other kinds follow in their order."""


class _Run(NamedTuple):
    parent: int
    fork: int
    turn: int
    to: int
    holes: bool


class SessionCheck:
    """Checks the lines of one session, one after the other. Memory depends on its runs and branches alone.

    Each method raises `ValueError` with the fault, which quotes no content.

    Attributes:
        session: The first line.
    """

    def __init__(self, session: SessionLine) -> None:
        self.session = session
        self._numbers = dict.fromkeys(Counts.__struct_fields__, 0)
        self._stage = 0
        self._runs: list[_Run] = []
        self._last = (0, 0, 0)
        self._branches: set[str] = set()
        self._tips: set[int] = set()
        self._extended: set[int] = set()
        self._last_key = ""
        self._key_place: int | None = None
        self._keys_here = set[tuple[str, int, int]]()
        self._last_change = 0
        self._last_copy = (-1, -1, -1)
        check_session(session)

    def add(self, line: Any) -> None:
        """Check the next line, which is one of `KINDS`."""
        kind = type(line)
        name = KINDS.get(kind)
        if name is None:
            raise ValueError("it is in the wrong place")
        if _ORDER[kind] < self._stage:
            raise ValueError(f"lines of this type come earlier: {kind.__struct_config__.tag!r}")
        if _ORDER[kind] > self._stage:
            self._stage = _ORDER[kind]
            self._last_key = ""
            self._end_run()
        self._CHECKS[kind](self, line)
        self._numbers[name] += 1

    def end(self, line: EndLine) -> Counts:
        """Check the last line, and return the counts."""
        self._end_run()
        counts = Counts(**self._numbers)
        if line.id != self.session.id:
            raise ValueError("it ends another session than the one that began")
        for name, number in self._numbers.items():
            if getattr(line, name) != number:
                raise ValueError(f"it counts {getattr(line, name):,} {name}, but there were {number:,}")
        if self.session.info is not None and self.session.info.title_of is not None:
            self._place(*self.session.info.title_of)
        if self.session.branch != MAIN and self.session.branch not in self._branches:
            raise ValueError("the session's current branch is missing")
        return counts

    # --- Lines ---------------------------------------------------------------------------------------------------

    def _run(self, line: RunLine) -> None:
        self._end_run()
        within("run", line.run, len(self._runs) + 1, len(self._runs) + 1)
        within("parent", line.parent, 0, len(self._runs))
        # Its parent may end before that: a pop went back further.
        within("fork", line.fork, 0, MAX_POSITION if line.parent else 0)
        within("to", line.to, line.fork, MAX_POSITION)
        within("turn", line.turn, 0, line.fork)
        self._runs.append(_Run(line.parent, line.fork, line.turn, line.to, line.holes))
        self._last = (line.fork, line.turn, 0)

    def _entry(self, line: EntryLine) -> None:
        if not self._runs:
            raise ValueError("it belongs to no run")
        run = self._runs[-1]
        position, turn, version = self._last
        within("position", line.position, position + 1, run.to)
        if line.position > position + 1 and not run.holes:
            raise ValueError(f"position {position + 1} is missing")
        begins = int(line.kind == USER)
        gone = line.position - position - 1
        within("turn", line.turn, turn + begins, turn + begins + gone)
        within("version", line.version, max(1, version), self.session.version)
        check_times(line.created_at)
        if line.expires_at is not None:
            check_times(line.expires_at)
            if line.expires_at < NEVER and not run.holes:
                raise ValueError("an entry that expires belongs to a run with holes")
        for name, text in (("tool", line.tool), ("author", line.author), ("format", line.format)):
            check_optional(name, text)
        check_text(line.kind, "kind", MAX_BYTES)
        if line.is_mark and not run.holes:
            raise ValueError("an entry that no model sees belongs to a run with holes")
        line.check_content()
        self._last = (line.position, line.turn, line.version)

    def _tip_of(self, line: BranchLine | TipLine) -> None:
        within("run", line.run, 0, len(self._runs))
        run = self._runs[line.run - 1] if line.run else _Run(0, 0, 0, 0, holes=False)
        within("tip", line.tip, 0, run.to)
        within("turn", line.turn, 0, line.tip)
        within("floor", line.floor, 0, POSITIONS - 1)
        if line.may_extend and line.run:
            if line.tip < max(run.to, run.fork) or line.run in self._extended:
                raise ValueError("two tips cannot extend the same run")
            self._extended.add(line.run)
        if line.forked_at is not None:
            within("forked_at", line.forked_at, 0, POSITIONS - 1)
            within("forked_turn", line.forked_turn or 0, 0, line.forked_at)
        check_optional("forked_from", line.forked_from, MAX_NAME_BYTES)
        check_times(line.created_at, line.updated_at)
        within("made_in", line.made_in, 0, min(self.session.version, NUMBERS - 1))
        within("changed_in", line.changed_in, 0, self.session.version)

    def _branch(self, line: BranchLine) -> None:
        check_branch_name(line.name)
        if line.name in self._branches:
            raise ValueError("there is another branch of this name")
        self._branches.add(line.name)
        self._tip_of(line)

    def _tip(self, line: TipLine) -> None:
        if line.of not in self._branches:
            raise ValueError("its branch is missing")
        within("left_in", line.left_in, 0, self.session.version)
        if line.left_in in self._tips:
            raise ValueError("there is another tip of this version")
        self._tips.add(line.left_in)
        self._tip_of(line)

    def _usage(self, line: UsageLine) -> None:
        check_text(line.key, "key", MAX_KEY_BYTES)
        within("run", line.run, 0, len(self._runs))
        within("position", line.position, 0, POSITIONS - 1)
        within("turn", line.turn, 0, POSITIONS)
        for name in ("requests", *(one for one in UsageLine.__struct_fields__ if one.endswith("_tokens"))):
            within(name, getattr(line, name), 0, 1000 * MAX_AMOUNT)
        within("untold", line.untold, 0, 3)
        if line.cost is not None:
            within("cost", line.cost, -_MAX_COST, _MAX_COST)
        for name in ("model", "agent"):
            check_optional(name, getattr(line, name))
        check_optional("author", line.author, MAX_NAME_BYTES)
        if line.turn_of is not None:
            run, position, version = line.turn_of
            within("turn_of", run, 1, len(self._runs))
            within("turn_of", position, 0, POSITIONS - 1)
            within("turn_of", version, 0, self.session.version)
        check_times(line.created_at)

    def _key(self, line: KeyLine) -> None:
        check_text(line.key, "key", MAX_KEY_BYTES)
        within("run", line.run, 0, len(self._runs))
        within("position", line.position, 0, POSITIONS - 1)
        within("version", line.version, 1, self.session.version)
        within("branch", line.branch, EVERYWHERE, min(self.session.version, NUMBERS - 1))
        check_digest(line.digest)
        check_times(line.until)
        if line.run:
            self._key_at((-1 if line.popped else 1) * id_of(line.run, line.position), line)

    def _key_at(self, place: int, line: KeyLine) -> None:
        """Check that the keys of entries that are there have the order of the entries, and that each is there once."""
        if self._key_place is not None and place < self._key_place:
            raise ValueError("it is in the wrong place")
        if place != self._key_place:
            self._key_place = place
            self._keys_here.clear()
        known = line.key, line.branch, line.version
        if known in self._keys_here:
            raise ValueError("it is there twice")
        self._keys_here.add(known)

    def _retry(self, line: RetryLine) -> None:
        self._key_after(check_text(line.key, "key", MAX_KEY_BYTES))
        within("version", line.version, 0, self.session.version)
        within("tip", line.tip, 0, POSITIONS - 1)
        check_digest(line.digest)
        check_times(line.created_at, line.until)

    def _copy(self, line: CopyLine) -> None:
        within("run", line.run, 1, len(self._runs))
        for run, position, version in (
            (line.run, line.position, line.version),
            (line.source_run, line.source_position, line.source_version),
        ):
            self._place(run, position, version)
        place = line.run, line.position, line.version
        if place <= self._last_copy:
            raise ValueError("it is there twice, or in the wrong place")
        self._last_copy = place

    def _place(self, run: int, position: int, version: int) -> None:
        within("run", run, 0, len(self._runs))
        within("position", position, 1, POSITIONS - 1)
        within("version", version, 0, self.session.version)

    def _change(self, line: ChangeLine) -> None:
        within("version", line.version, self._last_change + 1, self.session.version)
        self._last_change = line.version
        if line.what not in _CHANGES:
            raise ValueError("it is a change of an unknown kind")
        check_times(line.created_at)

    # --- Between lines -------------------------------------------------------------------------------------------

    def _end_run(self) -> None:
        """Check that a run that has ended has its last entry."""
        if self._runs and not self._runs[-1].holes and self._last[0] < self._runs[-1].to:
            raise ValueError(f"position {self._last[0] + 1} of the run before is missing")

    def _key_after(self, key: str) -> None:
        """Check that keys rise: each is there once."""
        if key.encode() <= self._last_key.encode():
            raise ValueError("its key is there twice, or in the wrong place")
        self._last_key = key

    _CHECKS: ClassVar[dict[type, Callable[[SessionCheck, Any], None]]] = {
        RunLine: _run,
        EntryLine: _entry,
        BranchLine: _branch,
        TipLine: _tip,
        UsageLine: _usage,
        KeyLine: _key,
        RetryLine: _retry,
        CopyLine: _copy,
        ChangeLine: _change,
    }

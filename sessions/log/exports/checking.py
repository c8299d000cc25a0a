"""Checking the lines of one session as they come in: whether they can be true together.

Everything that readers of the session rely on is checked. Kinds, formats and payloads of any shape are kept unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, get_args

from sessions.clock import FIRST, NEVER
from sessions.codecs.json import JSONCodec
from sessions.db.ids import MAX_POSITION, POSITIONS
from sessions.errors import InvalidItemError
from sessions.info_types import MAX_METADATA_BYTES, MAX_TAG_BYTES, MAX_TAGS, MAX_TITLE_BYTES
from sessions.items.kinds import USER
from sessions.labels import encode_owner
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
    SessionInfoLine,
    SessionLine,
    TipLine,
    UsageLine,
)
from sessions.log.statements.item_keys import EVERYWHERE
from sessions.log.usage import MAX_AMOUNT
from sessions.types import ChangeKind
from sessions.validation import MAX_KEY_BYTES, MAX_NAME_BYTES, check_branch_name, check_session_id, check_text

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_VERSION: Final = (1 << 62) - 1
_MAX_COST: Final = (1 << 63) - 1
_MAX_BYTES: Final = 1 << 30
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
        self._last_change = 0
        self._last_copy = (-1, -1, -1)
        _check_session(session)

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
        _within("run", line.run, len(self._runs) + 1, len(self._runs) + 1)
        _within("parent", line.parent, 0, len(self._runs))
        # Its parent may end before that: a pop went back further.
        _within("fork", line.fork, 0, MAX_POSITION if line.parent else 0)
        _within("to", line.to, line.fork, MAX_POSITION)
        _within("turn", line.turn, 0, line.fork)
        self._runs.append(_Run(line.parent, line.fork, line.turn, line.to, line.holes))
        self._last = (line.fork, line.turn, 0)

    def _entry(self, line: EntryLine) -> None:
        if not self._runs:
            raise ValueError("it belongs to no run")
        run = self._runs[-1]
        position, turn, version = self._last
        _within("position", line.position, position + 1, run.to)
        if line.position > position + 1 and not run.holes:
            raise ValueError(f"position {position + 1} is missing")
        begins = int(line.kind == USER)
        gone = line.position - position - 1
        _within("turn", line.turn, turn + begins, turn + begins + gone)
        _within("version", line.version, max(1, version), self.session.version)
        _check_times(line.created_at)
        if line.expires_at is not None:
            _check_times(line.expires_at)
            if line.expires_at < NEVER and not run.holes:
                raise ValueError("an entry that expires belongs to a run with holes")
        for name, text in (("tool", line.tool), ("author", line.author), ("format", line.format)):
            _optional(name, text)
        check_text(line.kind, "kind", _MAX_BYTES)
        if line.is_mark and not run.holes:
            raise ValueError("an entry that no model sees belongs to a run with holes")
        line.check_content()
        self._last = (line.position, line.turn, line.version)

    def _tip_of(self, line: BranchLine | TipLine) -> None:
        _within("run", line.run, 0, len(self._runs))
        run = self._runs[line.run - 1] if line.run else _Run(0, 0, 0, 0, holes=False)
        _within("tip", line.tip, 0, run.to)
        _within("turn", line.turn, 0, line.tip)
        _within("floor", line.floor, 0, POSITIONS - 1)
        if line.may_extend and line.run:
            if line.tip < max(run.to, run.fork) or line.run in self._extended:
                raise ValueError("two tips cannot extend the same run")
            self._extended.add(line.run)
        if line.forked_at is not None:
            _within("forked_at", line.forked_at, 0, POSITIONS - 1)
            _within("forked_turn", line.forked_turn or 0, 0, line.forked_at)
        _optional("forked_from", line.forked_from, MAX_NAME_BYTES)
        _check_times(line.created_at, line.updated_at)
        _within("made_in", line.made_in, 0, self.session.version)
        _within("changed_in", line.changed_in, 0, self.session.version)

    def _branch(self, line: BranchLine) -> None:
        check_branch_name(line.name)
        if line.name in self._branches:
            raise ValueError("there is another branch of this name")
        self._branches.add(line.name)
        self._tip_of(line)

    def _tip(self, line: TipLine) -> None:
        if line.of not in self._branches:
            raise ValueError("its branch is missing")
        _within("left_in", line.left_in, 0, self.session.version)
        if line.left_in in self._tips:
            raise ValueError("there is another tip of this version")
        self._tips.add(line.left_in)
        self._tip_of(line)

    def _usage(self, line: UsageLine) -> None:
        check_text(line.key, "key", MAX_KEY_BYTES)
        _within("run", line.run, 0, len(self._runs))
        _within("position", line.position, 0, POSITIONS - 1)
        _within("turn", line.turn, 0, POSITIONS)
        for name in ("requests", *(one for one in UsageLine.__struct_fields__ if one.endswith("_tokens"))):
            _within(name, getattr(line, name), 0, 1000 * MAX_AMOUNT)
        _within("untold", line.untold, 0, 3)
        if line.cost is not None:
            _within("cost", line.cost, -_MAX_COST, _MAX_COST)
        for name in ("model", "agent"):
            _optional(name, getattr(line, name))
        _optional("author", line.author, MAX_NAME_BYTES)
        if line.turn_of is not None:
            run, position, version = line.turn_of
            _within("turn_of", run, 1, len(self._runs))
            _within("turn_of", position, 0, POSITIONS - 1)
            _within("turn_of", version, 0, self.session.version)
        _check_times(line.created_at)

    def _key(self, line: KeyLine) -> None:
        check_text(line.key, "key", MAX_KEY_BYTES)
        _within("run", line.run, 0, len(self._runs))
        _within("position", line.position, 0, POSITIONS - 1)
        _within("version", line.version, 1, self.session.version)
        _within("branch", line.branch, EVERYWHERE, min(self.session.version, NUMBERS - 1))
        _check_digest(line.digest)
        _check_times(line.until)

    def _retry(self, line: RetryLine) -> None:
        self._key_after(check_text(line.key, "key", MAX_KEY_BYTES))
        _within("version", line.version, 0, self.session.version)
        _within("tip", line.tip, 0, POSITIONS - 1)
        _check_digest(line.digest)
        _check_times(line.created_at, line.until)

    def _copy(self, line: CopyLine) -> None:
        _within("run", line.run, 1, len(self._runs))
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
        _within("run", run, 0, len(self._runs))
        _within("position", position, 1, POSITIONS - 1)
        _within("version", version, 0, self.session.version)

    def _change(self, line: ChangeLine) -> None:
        _within("version", line.version, self._last_change + 1, self.session.version)
        self._last_change = line.version
        if line.what not in _CHANGES:
            raise ValueError("it is a change of an unknown kind")
        _check_times(line.created_at)

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


def _check_session(line: SessionLine) -> None:
    check_session_id(line.id)
    check_branch_name(line.branch, "branch")
    _within("version", line.version, 1, _MAX_VERSION)
    _within("cleared_in", line.cleared_in, 0, line.version)
    _check_times(line.created_at, line.updated_at, line.active_at)
    if line.owner is not None:
        encode_owner(line.owner)
    if line.info is not None:
        _check_info(line.info)


def _check_info(info: SessionInfoLine) -> None:
    _within("version of the info", info.version, 1, _MAX_VERSION)
    if info.title is not None:
        check_text(info.title, "title", MAX_TITLE_BYTES)
    for tag in info.tags:
        check_text(tag, "tag", MAX_TAG_BYTES)
    if not len(set(info.tags)) == len(info.tags) <= MAX_TAGS:
        raise ValueError("a tag is there twice, or there are too many")
    try:
        (metadata,) = JSONCodec().encode_all([info.metadata])
    except InvalidItemError:
        raise ValueError("its metadata is not a JSON object") from None
    if len(metadata) > MAX_METADATA_BYTES:
        raise ValueError("its metadata is too large")


def _within(name: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise ValueError(f"{name} is {_shown(number)}, which cannot be")


def _shown(number: int) -> str:
    return str(number) if abs(number) < 1 << 64 else "a very large number"


def _optional(name: str, text: str | None, most: int = _MAX_BYTES) -> None:
    if text:
        check_text(text, name, most)


def _check_times(*times: int) -> None:
    for time in times:
        _within("a time", time, FIRST, NEVER)


def _check_digest(digest: bytes | None) -> None:
    if digest is not None and len(digest) != 32:  # noqa: PLR2004 - of SHA-256
        raise ValueError("its digest has the wrong length")

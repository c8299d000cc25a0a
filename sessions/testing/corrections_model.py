"""The model of corrections: each item has a word of its own, which shows where its copies are stored.

So the machine need not know what other operations do. Around each correction, all rows of the session are compared.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    NothingToRedoError,
    PairingError,
    SummarizedError,
    SummaryError,
    TurnNotFoundError,
    UnknownEntryError,
)
from sessions.items.calls import emptied
from sessions.log.context.annotations import is_mark
from sessions.testing.corrections.shared import call, output, said, stored, user
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.testing.corrections.shared import Stored
    from sessions.testing.expiry_model import MovableClock, OpenStore

_WORD = re.compile(r"w\d+w")
_SHAPES = {
    "turn": "user said",
    "run": "user call output said",
    "open": "call user",
    "displaced": "call user output said",
    "thought": "user thought said",
    "answer": "said",
    "unknown": "block",
}


def _word(one: Stored) -> str | None:
    """Return the word of an item, unless it is a summary, which has many."""
    words = [] if "summary" in one.row.kind else _WORD.findall(one.text)
    assert len(words) <= 1
    return words[0] if words else None


async def _quoting(items: list[Any]) -> dict[str, Any]:
    return said(" ".join(_WORD.findall(json.dumps(items))) or "-")


class CorrectionMachine(RuleBasedStateMachine):
    """Any sequence of operations: a corrected word is nowhere, and never comes back; all else stays as it was."""

    def __init__(self, open_here: OpenStore, time: MovableClock) -> None:
        super().__init__()
        self._store = open_here(title=lambda message: message["content"] or None)
        self._time = time
        self._runner = asyncio.Runner()
        self._words = 0
        self._corrected: set[str] = set()
        self._branches = ["main"]
        self._appended: list[tuple[str, list[Any], dict[str, Any]]] = []

    @initialize()
    def begin(self) -> None:
        self._id = f"corrected-{uuid4()}"
        self.add(["turn", "displaced", "run"], 0, None, keyed=True)

    # --- Operations that the machine need not know ------------------------------------------------------------------

    @rule(shapes=st.lists(st.sampled_from(sorted(_SHAPES)), min_size=1, max_size=3), branch=st.integers(0, 2),
          ttl=st.sampled_from([None, None, 5]), keyed=st.booleans())  # fmt: skip
    def add(self, shapes: list[str], branch: int, ttl: int | None, *, keyed: bool) -> None:
        name = self._branch(branch)
        items = [item for shape in shapes for item in self._items(shape)]
        options: dict[str, Any] = {"idempotency_key": f"retry {len(self._appended)}"}
        if keyed:
            options["keys"] = [f"key of {_WORD.search(json.dumps(item))}" for item in items]
        self._appended.append((name, items, options))
        self._run(self._on(name).add_items(items, ttl=ttl, **options))

    @rule(branch=st.integers(0, 2), how=st.sampled_from(["pop_item", "undo", "redo"]))
    def go_back(self, branch: int, how: str) -> None:
        self._try(getattr(self._on(self._branch(branch)), how)(), (TurnNotFoundError, NothingToRedoError))

    @rule(branch=st.integers(0, 2), new=st.sampled_from(sorted(_SHAPES)))
    def try_again(self, branch: int, new: str) -> None:
        """Undo a turn, and put another one in its place; a part of the old one may be delivered again."""
        self.go_back(branch, "undo")
        self.deliver_again(len(self._appended) - 1, branch)
        self.add([new], branch, None, keyed=False)

    @rule(branch=st.integers(0, 2), name=st.sampled_from(["b", "c"]))
    def fork(self, branch: int, name: str) -> None:
        if self._try(self._session.branches.create(name, source=self._branch(branch)), BranchExistsError):
            self._branches.append(name)

    @rule(branch=st.integers(0, 2))
    def hand_over(self, branch: int) -> None:
        self._run(self._on(self._branch(branch)).handover("b", note=self._new_word()))

    @rule(branch=st.integers(0, 2), keep=st.integers(0, 2))
    def compact(self, branch: int, keep: int) -> None:
        self._run(self._on(self._branch(branch)).compact(_quoting, keep_turns=keep))

    @rule(branch=st.integers(0, 2))
    def undo_compaction(self, branch: int) -> None:
        self._try(self._on(self._branch(branch)).undo_compaction(), SummaryError)

    @rule(branch=st.integers(0, 2))
    def break_and_repair(self, branch: int) -> None:
        self.add(["displaced", "turn"], branch, None, keyed=True)
        self.repair(branch)

    @rule(branch=st.integers(0, 2))
    def repair(self, branch: int) -> None:
        self._run(self._on(self._branch(branch)).repair(apply=True))

    @rule(seconds=st.sampled_from([2, 6]), purge=st.booleans())
    def let_time_pass(self, seconds: int, *, purge: bool) -> None:
        self._time.move(seconds)
        if purge:
            self._run(self._session.purge_expired())

    # --- Appends that are tried again -------------------------------------------------------------------------------

    @rule(number=st.integers(0, 50))
    def retry(self, number: int) -> None:
        name, items, options = self._appended[number % len(self._appended)]
        before = self._stored()
        self._run(self._on(name).add_items(items, **options))
        assert self._there(before) == self._there(self._stored())

    @rule(number=st.integers(0, 50), branch=st.integers(0, 2))
    def deliver_again(self, number: int, branch: int) -> None:
        """Items come again under their own ids; on another way they may be added again, if they were not corrected."""
        _, items, options = self._appended[number % len(self._appended)]
        if "keys" in options:
            self._run(self._on(self._branch(branch)).add_items(items, keys=options["keys"]))

    # --- Corrections ------------------------------------------------------------------------------------------------

    @rule(number=st.integers(0, 200), replaced=st.booleans(), drop=st.booleans(), copied=st.booleans())
    def redact(self, number: int, *, replaced: bool, drop: bool, copied: bool) -> None:
        chosen = self._choose(number, copied=copied)
        if chosen is None:
            return
        before, one = chosen
        word = _word(one)
        other = self._new_word() if replaced and not is_mark(one.row.kind) else None
        item = None if other is None else json.loads(one.text.replace(str(word), other))
        damages = self._damages()
        done = self._correct(self._session.redact(id=one.id, item=item, summaries=_drop(drop=drop)), before, one)
        if not done:
            return
        wanted = {row.id: self._redacted(row, other) for row in before if _word(row) == word}
        after = {row.id: row for row in self._stored()}
        for row in before:
            if row.id in after:
                expected = row._replace(item=wanted[row.id]) if row.id in wanted else row
                assert after[row.id] == expected
            else:
                assert "summary" in row.row.kind or self._has_expired(row)
        assert after.keys() <= {row.id for row in before}
        if all("summary" not in row.row.kind or row.id in after for row in before):
            assert self._damages() <= damages

    @rule(number=st.integers(0, 200), force=st.booleans(), drop=st.booleans(), copied=st.booleans())
    def remove(self, number: int, *, force: bool, drop: bool, copied: bool) -> None:
        chosen = self._choose(number, copied=copied)
        if chosen is None:
            return
        before, one = chosen
        damages = self._damages()
        removing = self._session.remove(id=one.id, force=force, summaries=_drop(drop=drop))
        if not self._correct(removing, before, one):
            return
        after = {row.id: row for row in self._stored()}
        for row in before:
            if _word(row) == _word(one):
                assert row.id not in after
            elif row.id in after:
                assert after[row.id] == row
            else:
                assert "summary" in row.row.kind or self._has_expired(row)
        assert after.keys() <= {row.id for row in before}
        if not force and all("summary" not in row.row.kind or row.id in after for row in before):
            assert self._damages() <= damages

    @rule(turn=st.integers(1, 4), number=st.integers(0, 5))
    def remove_way(self, turn: int, number: int) -> None:
        siblings: list[Any] = self._try(self._session.siblings(turn), TurnNotFoundError) or []
        others = [way for way in siblings if not way.current]
        if not others:
            return
        way = others[number % len(others)]
        shown = {name: self._shown(name) for name in self._branches}
        before = self._stored()
        if self._try(self._session.remove(way=way), BranchInUseError):
            assert self._there([row for row in before if row in self._stored()]) == self._there(self._stored())
            left = self._try(self._session.siblings(turn), TurnNotFoundError) or []
            assert way.entry not in [one.entry for one in left]
        assert {name: self._shown(name) for name in self._branches} == shown

    @precondition(lambda self: bool(self._corrected))
    @invariant()
    def nothing_comes_back(self) -> None:
        texts = [one.text for one in self._stored()]
        texts.append(self._run(self._session.info()).title or "")
        assert self._corrected.isdisjoint(_WORD.findall(" ".join(texts)))

    def teardown(self) -> None:
        self._runner.run(check_verified(self._session))
        self._runner.close()

    # --- Helpers ----------------------------------------------------------------------------------------------------

    def _correct(self, correcting: Any, before: list[Stored], one: Stored) -> bool:
        """Run a correction; tell whether it was done. If not, nothing was changed, and that was right."""
        word = str(_word(one))
        quoted = any("summary" in row.row.kind and word in row.text for row in before)
        receipt = refusal = None
        try:
            receipt = self._run(correcting)
        except (SummarizedError, PairingError, UnknownEntryError) as error:
            refusal = error
        if receipt is not None:
            assert one.id in receipt.ids
            assert receipt.summaries or not quoted
            self._corrected.add(word)
            return True
        if isinstance(refusal, SummarizedError):
            assert {row.id for row in before if "summary" in row.row.kind}.issuperset(refusal.summaries)
        elif isinstance(refusal, PairingError):
            assert refusal.broken
        else:
            assert self._has_expired(one)
        assert self._there(self._stored()) == self._there(before)
        return False

    def _choose(self, number: int, *, copied: bool) -> tuple[list[Stored], Stored] | None:
        """Return all rows, and one of those with a word; with one that others have, too, if there are such."""
        rows = self._stored()
        count = Counter(map(_word, rows))
        words = [row for row in rows if _word(row)]
        words = [row for row in words if copied and count[_word(row)] > 1] or words
        return (rows, words[number % len(words)]) if words else None

    def _redacted(self, row: Stored, other: str | None) -> Any:
        if other is not None:
            return json.loads(row.text.replace(str(_word(row)), other))
        if is_mark(row.row.kind):
            return {name: value for name, value in row.item.items() if name != "note"}
        return emptied(row.item)

    def _items(self, shape: str) -> list[Any]:
        call_id = f"c{self._words}"
        made: dict[str, Callable[[str], dict[str, Any]]] = {
            "user": user,
            "said": said,
            "call": lambda word: call(call_id, f'"{word}"'),
            "output": lambda word: output(call_id, word),
            "thought": lambda word: {
                "type": "reasoning",
                "id": "r",
                "summary": [{"type": "summary_text", "text": word}],
            },
            "block": lambda word: {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "1", "input": word}],
            },
        }
        return [made[kind](self._new_word()) for kind in _SHAPES[shape].split()]

    def _new_word(self) -> str:
        self._words += 1
        return f"w{self._words}w"

    @property
    def _session(self) -> LogSession:
        return self._store.session(self._id)

    def _on(self, name: str) -> LogSession:
        return self._session.on_branch(name)

    def _branch(self, number: int) -> str:
        return self._branches[number % len(self._branches)]

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    def _try(self, work: Any, error: type[Exception] | tuple[type[Exception], ...]) -> Any:
        """Run what may be refused; return its result, or ``True`` without one; ``False`` if it was refused."""
        try:
            result = self._run(work)
        except error:
            return False
        return True if result is None else result

    def _stored(self) -> list[Stored]:
        return self._runner.run(stored(self._session))

    def _has_expired(self, row: Stored) -> bool:
        return row.row.expires_at is not None and row.row.expires_at <= self._time.seconds * 1_000_000

    def _there(self, rows: list[Stored]) -> list[Stored]:
        """Return rows without those that upkeep may remove at any moment."""
        return [row for row in rows if not self._has_expired(row)]

    def _damages(self) -> set[tuple[str, Any]]:
        return {(name, damage) for name in self._branches for damage in self._run(self._on(name).repair()).damages}

    def _shown(self, name: str) -> list[Any]:
        return self._runner.run(self._on(name).get_items())


def _drop(*, drop: bool) -> Any:
    return "drop" if drop else "refuse"

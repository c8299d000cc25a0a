"""What happened after a version, against a model: each change once, in order, with what is left of what it added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sessions.log.core.change_log import KEPT_VERSIONS
from sessions.log.core.heads import branch_names, find_head, lineage
from sessions.log.core.turns import turn_at
from sessions.log.history.siblings import choose_sibling, list_siblings
from sessions.log.history.undo import redo, undo
from sessions.log.watch import Place, changes_since

from .bare_log import BareLog, assistant, conversation, user

if TYPE_CHECKING:
    from sessions.types import Change

_LATER = 2_000_000
"""After every time that a `BareLog` has."""


def _follow(log: BareLog, place: Place) -> tuple[list[Change], Place]:
    """Return all that happened after a place, read as often as it takes, and the place after it."""
    changes: list[Change] = []
    while True:
        found = changes_since(log.tx, conversation("s")._replace(now=_LATER), place)
        changes += found.changes
        place = found.place
        if found.is_all:
            return changes, place


def _said(changes: list[Change]) -> list[tuple[int, str, list[str]]]:
    return [(change.version, change.kind, [found["content"] for found in change.items]) for change in changes]


class Watching(RuleBasedStateMachine):
    """The model: a list of what was done at which version. What is left of an append is what is in the tables."""

    @initialize()
    def begin(self) -> None:
        self.log = BareLog()
        self.done: list[tuple[int, str, list[str]]] = []
        self.seen: list[tuple[int, str]] = []
        self.place = Place(0)
        self.number = 0

    def note(self, kind: str, added: list[str] | None = None) -> None:
        self.done.append((self.log.session_row()["version"], kind, added or []))

    @rule(kinds=st.lists(st.sampled_from([user, assistant]), min_size=1, max_size=3), keyed=st.booleans())
    def append(self, kinds: list[Any], *, keyed: bool) -> None:
        self.number += 1
        texts = [f"{self.number}.{index}" for index in range(len(kinds))]
        items = [kind(text) for kind, text in zip(kinds, texts, strict=True)]
        self.log.append(*items, key=f"key {self.number}" if keyed else None)
        self.note("appended", texts)

    @precondition(lambda self: self.done)
    @rule()
    def pop(self) -> None:
        if self.log.pop()[0] is not None:
            self.note("popped")

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        if turns := self.log.branch()["turn"] if self.log.sizes()["branches"] else 0:
            wanted = data.draw(st.integers(1, turns))
            undo(self.log.tx, conversation("s"), self.log.now(), branch=None, turns=wanted)
            self.note("undone")

    @precondition(lambda self: self.done and self.done[-1][1] == "undone")
    @rule()
    def redo(self) -> None:
        redo(self.log.tx, conversation("s"), self.log.now(), branch=None)
        self.note("redone")

    @precondition(lambda self: self.done and self.log.sizes()["branches"])
    @rule(data=st.data(), switch=st.booleans())
    def fork(self, data: st.DataObject, *, switch: bool) -> None:
        self.number += 1
        position = data.draw(st.integers(0, self.log.branch()["tip"]))
        name = f"branch {self.number}"
        self.log.fork(name, position, self._turn_at(position))
        self.note("branched")
        if switch:
            self.log.switch(name)
            self.note("switched")

    def _turn_at(self, position: int) -> int:
        head = find_head(self.log.tx, conversation("s"))
        assert head is not None
        return turn_at(self.log.tx, lineage(self.log.tx, head), position)

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def delete_branch(self, data: st.DataObject) -> None:
        names = branch_names(self.log.tx, self.log.session_row()["id"])
        if names != ["main"]:
            name = data.draw(st.sampled_from([name for name in names if name != "main"]))
            if self.log.session_row()["branch"] == name:
                self.log.switch("main")
                self.note("switched")
            self.log.delete_branch(name)
            self.note("branch_deleted")

    @precondition(lambda self: self.done and self.log.sizes()["branches"])
    @rule(data=st.data())
    def choose_sibling(self, data: st.DataObject) -> None:
        if turns := self.log.branch()["turn"]:
            siblings = list_siblings(self.log.tx, conversation("s"), data.draw(st.integers(1, turns)), None)
            sibling = data.draw(st.sampled_from(siblings))
            if not sibling.current:
                choose_sibling(self.log.tx, conversation("s"), self.log.now(), sibling, None, pinned=False)
                self.note("sibling_chosen")

    @precondition(lambda self: self.done)
    @rule()
    def clear(self) -> None:
        self.log.clear()
        self.note("cleared")

    @precondition(lambda self: self.done)
    @rule()
    def expire(self) -> None:
        """Whatever there is: its items are not shown any more, and still it was appended."""
        self.log.connection.execute("update agent_log_entries set expires_at = 1")
        self.log.connection.execute("update agent_log_segments set holes = 1")
        self.done = [(version, kind, []) for version, kind, _ in self.done]

    @rule()
    def look(self) -> None:
        """Whoever looks now and then sees what was done since, and nothing twice."""
        after = self.place.version
        changes, self.place = _follow(self.log, self.place)
        assert _said(changes) == self._expected(after)
        self.seen += [(change.version, change.kind) for change in changes]
        assert self.seen == sorted(set(self.seen))
        if self.done:
            assert self.place.version == self.log.session_row()["version"]

    @rule(data=st.data())
    def look_back(self, data: st.DataObject) -> None:
        """Whoever comes back from any version sees all since."""
        after = data.draw(st.integers(0, self.place.version))
        assert _said(_follow(self.log, Place(after))[0]) == self._expected(after)

    def _expected(self, after: int) -> list[tuple[int, str, list[str]]]:
        there: dict[int, list[str]] = {}
        for entry in self.log.entries():
            there.setdefault(entry["version"], []).append(entry["payload"].decode())
        return [
            (version, kind, [text for text in texts if any(f'"{text}"' in payload for payload in there[version])])
            for version, kind, texts in self.done
            if version > after and (kind != "appended" or version in there)
        ]

    def teardown(self) -> None:
        if hasattr(self, "log"):
            assert self.log.damage() == []
            self.log.connection.close()


TestWatching = Watching.TestCase
TestWatching.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_who_resumes_from_before_what_is_kept_gets_one_reset(log: BareLog) -> None:
    """Appends alone are never forgotten; other changes are, by those that follow.

    Fails without: log/watch.py, `after < recorded - KEPT_VERSIONS`.
    """
    log.append(user("first"))
    log.pop()
    for number in range(KEPT_VERSIONS):
        log.append(user(number))
    assert len(_follow(log, Place(0))[0]) == 1 + KEPT_VERSIONS
    log.append(user("last"))
    log.pop()
    changes, place = _follow(log, Place(2))
    assert _said(changes) == [(2 + KEPT_VERSIONS + 2, "reset", [])]
    assert _follow(log, place)[0] == []
    changes, _ = _follow(log, Place(4))
    assert len(changes) == KEPT_VERSIONS - 2 + 1


def test_what_is_seen_only_through_a_fork_of_a_branch_that_is_gone(log: BareLog) -> None:
    """Fails without: log/watch.py, `at, high = parent, min(high, fork)`."""
    log.append(user("a"))
    log.fork("first", 1, 1)
    log.switch("first")
    log.append(user("b"), assistant("c"))
    log.fork("second", 2, 2)
    log.switch("second")
    log.append(user("d"))
    log.delete_branch("first")
    assert [items for _, kind, items in _said(_follow(log, Place(0))[0]) if kind == "appended"] == [["a"], ["b"], ["d"]]


def test_a_session_that_was_deleted_and_made_again(log: BareLog) -> None:
    """Its versions begin anew, and its first ones are other ones than those that were seen."""
    log.append(user("a"))
    log.append(user("b"))
    _, place = _follow(log, Place(0))
    log.delete()
    changes, gone = _follow(log, place)
    assert _said(changes) == [(0, "reset", [])]
    for number in range(3):
        log.append(user(number))
    assert [kind for _, kind, _ in _said(_follow(log, place)[0])] == ["reset"]
    assert [kind for _, kind, _ in _said(_follow(log, gone)[0])] == ["appended"] * 3


def test_an_item_that_cannot_be_read(log: BareLog) -> None:
    log.append(user("a"), user("b"))
    log.spoil(1)
    found = changes_since(log.tx, conversation("s"), Place(0))
    assert (_said(found.changes), found.undecodable) == ([(1, "appended", ["b"])], [1])

"""Any sequence of operations on any branches, against a model in which each branch is a list of its items."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions.log.lifetime.catalog import Filter, Page, as_listed, find_sessions

from .bare_log import MAIN, BareLog, assistant, user

Item = dict[str, Any]


class Branches(RuleBasedStateMachine):
    """One session with branches, beside another one that must not change."""

    @initialize()
    def begin(self) -> None:
        self.log = BareLog()
        self.log.append(user("other"), to="other", key="k")
        self.log.append(user("first"))
        self.branches: dict[str, list[Item]] = {MAIN: [user("first")]}
        self.positions: dict[str, list[int]] = {MAIN: [1]}
        self.current = MAIN
        self.last_keyed: tuple[str, list[Item]] | None = None
        self.names = 0
        self.version = 0

    @rule(kinds=st.lists(st.sampled_from([user, assistant]), max_size=4), keyed=st.booleans())
    def append(self, kinds: list[Any], *, keyed: bool) -> None:
        self.names += 1
        items = [kind(f"{self.names}.{index}") for index, kind in enumerate(kinds)]
        key = f"key {self.names}" if keyed else None
        self.log.append(*items, key=key)
        if key:
            self.last_keyed = (key, items)
        if not items:
            return
        items_now, positions = self.branches[self.current], self.positions[self.current]
        first = self.log.branch()["tip"] - len(items) + 1
        assert not positions or first > positions[-1]
        items_now += items
        positions += range(first, first + len(items))

    @precondition(lambda self: self.last_keyed)
    @rule()
    def retry(self) -> None:
        key, items = self.last_keyed or ("", [])
        self.log.append(*items, key=key)

    @rule(times=st.integers(1, 4))
    def pop(self, times: int) -> None:
        for _ in range(times):
            expected = self.branches[self.current].pop() if self.branches[self.current] else None
            assert self.log.pop() == (expected, [])
            self.positions[self.current] = self.positions[self.current][: len(self.branches[self.current])]

    @precondition(lambda self: len(self.branches) < 6 and self.has_rows())
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        items = self.branches[self.current]
        kept = data.draw(st.integers(0, len(items)))
        self.names += 1
        name = f"branch {self.names}"
        position = self.positions[self.current][kept - 1] if kept else 0
        self.log.fork(name, position, sum(item["role"] == "user" for item in items[:kept]))
        self.branches[name] = items[:kept]
        self.positions[name] = self.positions[self.current][:kept]

    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        self.current = data.draw(st.sampled_from(sorted(self.branches)))
        self.log.switch(self.current)

    @precondition(lambda self: self.names % 8 == 7)  # Not often: it ends all branches.
    @rule()
    def clear(self) -> None:
        self.log.clear()
        self.current = MAIN
        self.branches = {MAIN: []}
        self.positions = {MAIN: []}

    @rule(limit=st.none() | st.integers(0, 12))
    def read(self, limit: int | None) -> None:
        items = self.branches[self.current]
        assert self.log.read(limit=limit) == (items if limit is None else items[max(0, len(items) - limit) :])

    @invariant()
    def every_branch_reads_as_its_model(self) -> None:
        for name, items in self.branches.items():
            self.log.switch(name)
            assert self.log.read() == items
            if items:
                turn = sum(item["role"] == "user" for item in items)
                assert self.log.branch()["turn"] == turn
        self.log.switch(self.current)

    @invariant()
    def the_list_of_sessions_counts_the_current_branch(self) -> None:
        found = find_sessions(self.log.tx, Filter(), Page(limit=10), 0)
        counts = {info.session_id: info.item_count for info in (as_listed(one, "active", None) for one in found)}
        assert counts == {"s": len(self.branches[self.current]), "other": 1}

    @invariant()
    def the_other_session_is_untouched(self) -> None:
        assert self.log.read("other") == [user("other")]
        assert self.log.session_row("other")["version"] == 1

    @invariant()
    def what_no_branch_can_see_is_gone(self) -> None:
        seen = {item["content"] for items in self.branches.values() for item in items}
        assert self.log.sizes()["entries"] == len(seen) + len([user("other")])

    @invariant()
    def segments_that_nobody_needs_are_gone(self) -> None:
        needed = {row["segment"] for row in self.log.rows("select segment from agent_log_branches")}
        parents = {row["id"]: row["parent"] for row in self.log.rows("select id, parent from agent_log_segments")}
        for segment in tuple(needed):
            at = parents.get(segment)
            while at is not None:
                needed.add(at)
                at = parents[at]
        assert set(parents) <= needed

    @invariant()
    def versions_rise(self) -> None:
        version = self.log.session_row()["version"]
        assert version >= self.version
        self.version = version

    def has_rows(self) -> bool:
        """Tell whether the session has the row of its current branch, which clear removes."""
        session = self.log.session_row()["id"]
        return bool(self.log.rows(f"select 1 from agent_log_branches where session = {session}"))  # noqa: S608

    def teardown(self) -> None:
        if hasattr(self, "log"):
            assert self.log.damage() == []
            self.log.connection.close()


TestBranches = Branches.TestCase
TestBranches.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

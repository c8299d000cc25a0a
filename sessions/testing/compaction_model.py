"""The model of compaction in the contract suite: a list, and the ranges of summaries in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sessions.errors import SummaryError
from sessions.items.window import Window
from sessions.items.window_builder import cut
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from sessions.testing.fixtures import MakeLogSession


def said(text: str) -> dict[str, str]:
    """Return an item: of a user if the text begins with "u", of the system if with "s", else of an assistant."""
    return {"role": {"u": "user", "s": "system"}.get(text[0], "assistant"), "content": text}


async def joined(items: list[Any]) -> str:
    """Summarise items: their texts, in brackets."""
    await asyncio.sleep(0)
    return f"[{' '.join(item['content'] for item in items)}]"


def texts(items: list[Any]) -> str:
    """Return the texts of items."""
    return " ".join(item["content"] for item in items)


class _Hidden(NamedTuple):
    """A summary's range.

    Attributes:
        before: How many items are shown before the summary.
        shows: How many it shows itself: one; none once that was popped.
        items: The items of its range, as they were shown, each with whether it belongs to a summary itself.
    """

    before: int
    shows: int
    items: list[tuple[str, bool]]


class CompactionMachine(RuleBasedStateMachine):
    """Any sequence of operations on two objects of one session gives models the same view as the list."""

    def __init__(self, make: MakeLogSession) -> None:
        super().__init__()
        self._make = make
        self._runner = asyncio.Runner()
        # Each text, with whether a summary shows it.
        self._shown: list[tuple[str, bool]] = []
        # The last one made is the last here.
        self._hidden: list[_Hidden] = []
        self._added = 0
        self._handed: list[str] = []

    @initialize()
    def begin(self) -> None:
        session_id = f"machine-{uuid4()}"
        self._sessions = (self._make(session_id), self._make(session_id))

    @rule(which=st.integers(0, 1), kinds=st.lists(st.sampled_from("uuas"), max_size=5))
    def add(self, which: int, kinds: list[str]) -> None:
        new = [f"{kind}{self._added + number}" for number, kind in enumerate(kinds)]
        self._added += len(new)
        self._runner.run(self._sessions[which].add_items([said(text) for text in new]))
        self._shown += [(text, False) for text in new]

    @rule(which=st.integers(0, 1))
    def pop(self, which: int) -> None:
        popped = self._runner.run(self._sessions[which].pop_item())
        if not self._shown:
            assert popped is None
            return
        text, of_summary = self._shown.pop()
        assert popped is not None
        assert popped["content"] == text
        left = len(self._shown)
        self._hidden = [hidden._replace(before=min(hidden.before, left)) for hidden in self._hidden]
        if of_summary:
            # The last one that shows an item there: its range stays hidden.
            of = max(number for number, hidden in enumerate(self._hidden) if (hidden.before, hidden.shows) == (left, 1))
            self._hidden.append(self._hidden.pop(of)._replace(shows=0))

    @rule(which=st.integers(0, 1), keep_turns=st.integers(0, 2), keep_items=st.none() | st.integers(0, 4))
    def compact(self, which: int, keep_turns: int, keep_items: int | None) -> None:
        summary = self._runner.run(self._sessions[which].compact(joined, keep_turns=keep_turns, keep_items=keep_items))
        start, end = self._older(keep_turns, keep_items)
        part = self._shown[start:end]
        if not part or (len(part) == 1 and part[0][1]):
            assert summary is None
            return
        assert summary is not None
        made = f"[{' '.join(text for text, _ in part)}]"
        assert texts(summary.items) == made
        self._hidden.append(_Hidden(start, 1, part))
        self._shown[start:end] = [(made, True)]

    def _older(self, keep_turns: int, keep_items: int | None) -> tuple[int, int]:
        own = [text if not of_summary else "" for text, of_summary in self._shown]
        start = next((index for index, text in enumerate(own) if not text.startswith("s")), len(own))
        if keep_items is not None or not keep_turns:
            return start, max(len(own) - (keep_items or 0), 0)
        users = [index for index, text in enumerate(own) if text.startswith("u")]
        if len(users) < keep_turns:
            return 0, 0
        end = users[-keep_turns]
        while end and own[end - 1].startswith("s"):
            end -= 1
        return start, end

    @rule(which=st.integers(0, 1))
    def undo_compaction(self, which: int) -> None:
        try:
            self._runner.run(self._sessions[which].undo_compaction())
        except SummaryError:
            assert not self._hidden
            return
        before, shows, items = self._hidden.pop()
        self._shown[before : before + shows] = items

    @rule(which=st.integers(0, 1), to=st.sampled_from(["billing", "sales"]))
    def handover(self, which: int, to: str) -> None:
        self._runner.run(self._sessions[which].handover(to))
        self._handed.append(to)

    @rule(which=st.integers(0, 1))
    def clear(self, which: int) -> None:
        self._runner.run(self._sessions[which].clear_session())
        self._shown, self._hidden, self._handed = [], [], []

    @rule(which=st.integers(0, 1), limit=st.integers(0, 12))
    def read(self, which: int, limit: int) -> None:
        expected = [text for text, _ in self._shown[-limit:]] if limit else []
        assert [item["content"] for item in self._runner.run(self._sessions[which].get_items(limit))] == expected

    @rule(which=st.integers(0, 1), items=st.integers(1, 12))
    def window(self, which: int, items: int) -> None:
        everything = self._runner.run(self._sessions[which].get_items())
        assert self._runner.run(self._sessions[which].window(items)) == cut(everything, Window(items))

    @invariant()
    def all_is_there(self) -> None:
        if hasattr(self, "_sessions"):
            shown = self._runner.run(self._sessions[0].get_items())
            assert [item["content"] for item in shown] == [text for text, _ in self._shown]
            entries = self._runner.run(self._sessions[0].entries())
            assert [entry.item["to"] for entry in entries if entry.kind == "handover"] == self._handed

    def teardown(self) -> None:
        self._runner.run(check_verified(self._sessions[0]))
        self._runner.close()

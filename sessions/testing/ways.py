"""The contract for the ways of a conversation as data, a part of `HistoryContract`: trees, ids, siblings."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.errors import BranchInUseError, TurnNotFoundError, UnknownEntryError
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.session.tree_data import Tree
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession


async def _fill(session: LogSession, *texts: str) -> None:
    for text in texts:
        await session.add_items([item(word) for word in text.split()])


async def _texts(session: LogSession) -> str:
    return _said(await session.get_items())


def _said(items: list[Any]) -> str:
    return " ".join(found["content"] for found in items)


def _shape(tree: Tree) -> list[str]:
    """Return each node as "turn: parent's text > text / answer [what ends there]", with a star if it is active."""
    texts = {node.id: node.text for node in tree.nodes}
    return [
        f"{node.turn}{'*' * node.active}: {texts[node.parent] if node.parent else ''} > {node.text} / {node.answer} "
        f"{sorted(f'{tip.kind} {tip.branch}' for tip in node.tips)}"
        for node in tree.nodes
    ]


class WaysContract(SessionAndClock):
    """What a session over the log promises of trees, ids of ways, and siblings of all turns."""

    # --- The tree ---------------------------------------------------------------------------------------------------

    async def test_a_tree_is_data(self, session: LogSession) -> None:
        empty = await session.tree()
        assert (empty.nodes, [(tip.branch, tip.current) for tip in empty.tips]) == ((), [("main", True)])
        await _fill(session.as_author("ann"), "u1 a1")
        await _fill(session, "u2 a2")
        await session.branches.create("b", turn=2)
        await _fill(session.on_branch("b"), "u2b")
        await session.undo()
        tree = await session.tree()
        assert _shape(tree) == [
            "1*:  > u1 / a1 ['branch main']",
            "2: u1 > u2 / a2 ['undone main']",
            "2: u1 > u2b / None ['branch b']",
        ]
        assert [(node.author, node.kind, node.items) for node in tree.nodes] == [
            ("ann", "user", 2), (None, "user", 2), (None, "user", 1),
        ]  # fmt: skip
        assert [node.text for node in tree.chosen] == ["u1"]
        assert tree.nodes[0].id == (await session.entries())[-1].id
        there = json.loads(json.dumps(asdict(tree), default=str))
        assert [node["text"] for node in there["nodes"]] == ["u1", "u2", "u2b"]
        assert await session.on_branch("b").tree() != tree
        assert await session.tree() == tree

    async def test_a_tree_draws_itself_and_escapes_what_was_said(self, session: LogSession) -> None:
        evil = '<script>alert("1")</script> ]; end `x`'
        await session.add_items([{"role": "user", "content": evil}, item("a1")])
        tree = await session.tree()
        assert "alert" in str(tree)
        page = tree.to_html()
        assert tree._repr_html_() == page
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        for loaded in ("http", "src=", "href=", "url(", "@import", "<link", "<style"):
            assert loaded not in page
        chart = tree.to_mermaid()
        assert chart.startswith("flowchart TD\n")
        for mark in ("<script", '("', "`", "];"):
            assert mark not in chart.split("n0", 1)[1].split("\n", 1)[0].removeprefix('["')

    async def test_the_tree_of_an_attempt_is_its_branchs_with_the_attempts_end(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        """Fails without: log/history/tree.py, `shown` and `name == read`."""
        await _fill(session, "u1 a1")
        await session.branches.create("b")
        async with session.on_branch("b").attempt() as tried:
            await _fill(tried, "u2 a2")
            tree = await tried.tree()
            assert (tree.branch, [node.text for node in tree.chosen]) == ("b", ["u1", "u2"])
            ends = [(node.text, tip.branch, tip.kind, tip.current) for node in tree.nodes for tip in node.tips]
            assert sorted(ends) == [
                ("u1", "b", "branch", False), ("u1", "main", "branch", False), ("u2", "b", "left", True),
            ]  # fmt: skip
            assert "\\u0001" not in json.dumps(asdict(tree), default=str)
            for drawing in (str(tree), tree._repr_html_(), tree.to_mermaid()):
                assert "attempt on b" in drawing
                assert "\x01" not in drawing
            others = await make(session.session_id).tree()
            assert [(tip.kind, tip.current) for node in others.nodes for tip in node.tips if tip.branch == "main"] == [
                ("branch", True)
            ]

    @pytest.mark.parametrize("turn", [None, 1, 2])
    async def test_a_tree_tells_of_no_attempt_that_added_nothing(
        self, make: MakeLogSession, session: LogSession, turn: int | None
    ) -> None:
        """Such an attempt stays if its process is killed. Fails without: log/history/tree.py, `is_on`."""
        await _fill(session, "u1 a1", "u2 a2")
        other = make(session.session_id)
        before = _shape(await other.tree())
        async with session.attempt(turn) as tried:
            assert _shape(await other.tree()) == before
            own = await tried.tree()
            ends = [*own.tips, *(tip for node in own.nodes for tip in node.tips)]
            assert [(tip.branch, tip.kind) for tip in ends if tip.current] == [("main", "left")]
            await _fill(tried, "u3")
            assert "left main" in str(_shape(await other.tree()))

    async def test_long_straight_runs_are_folded_in_drawings_alone(self, session: LogSession) -> None:
        await session.add_items([item(f"{kind}{turn}") for turn in range(1, 41) for kind in "ua"])
        tree = await session.tree()
        assert len(tree.nodes) == 40
        for drawing in (str(tree), tree._repr_html_(), tree.to_mermaid()):
            assert "more turns" in drawing
            assert "u40" in drawing
            assert "u20" not in drawing

    @pytest.mark.parametrize("max_turns", [1, 2, 3, 7, 19, 20, 21, 1000, None])
    async def test_a_bounded_tree_has_the_latest_turns(self, session: LogSession, max_turns: int | None) -> None:
        await session.add_items([item(f"{kind}{turn}") for turn in range(1, 13) for kind in "ua"])
        await session.branches.create("b", turn=5)
        await _fill(session.on_branch("b"), "u5b a5b", "u6b")
        await session.rewind(8)
        await _fill(session, "u8c")
        whole = await session.tree(max_turns=None)
        assert (len(whole.nodes), whole.left_out) == (15, 0)
        tree = await session.tree(max_turns=max_turns)
        assert len(tree.nodes) == min(15, max_turns or 15)
        assert tree.left_out == 15 - len(tree.nodes)
        assert tree.chosen[-1].text == "u8c"
        assert len(tree.chosen) >= min(8, (len(tree.nodes) + 1) // 2)
        assert {node.id for node in tree.nodes} <= {node.id for node in whole.nodes}
        known = {node.id: node for node in whole.nodes}
        ids = {node.id for node in tree.nodes}
        for node in tree.nodes:
            assert (node.text, node.turn, node.active) == (
                known[node.id].text,
                known[node.id].turn,
                known[node.id].active,
            )
            at, passed = known[node.id].parent, 0
            while at is not None and at not in ids:
                at, passed = known[at].parent, passed + 1
            assert (node.parent, node.left_out) == (at, passed)
        ends = [tip for node in tree.nodes for tip in node.tips] + list(tree.tips_left_out)
        assert sorted(tip.branch for tip in ends) == ["b", "main", "main"]
        assert (f"{tree.left_out} more turn" in str(tree)) == (tree.left_out > 0)

    @pytest.mark.parametrize("bad", [0, -1, 1.5, "1", True])
    async def test_bounds_that_are_none(self, session: LogSession, bad: Any) -> None:
        with pytest.raises((TypeError, ValueError), match="max_turns"):
            await session.tree(max_turns=bad)
        with pytest.raises((TypeError, ValueError), match="max_turns"):
            await session.siblings_by_turn(max_turns=bad)

    # --- Ids --------------------------------------------------------------------------------------------------------

    async def test_every_node_can_be_chosen_by_its_id(self, make: MakeLogSession, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")
        await session.rewind(2)
        await _fill(session, "u2b a2b")
        await session.undo()
        await _fill(session, "u2c")
        for node in (await session.tree()).nodes:
            id_ = json.loads(json.dumps(node.id))
            expected = await session.items_of(id_)
            assert str(node.text) in _said(expected)
            await make(session.session_id).choose(id_)
            assert await session.get_items() == expected
        assert await _texts(session) == "u1 a1 u2c"
        (first, *_), last = await session.siblings(2), (await session.siblings(2))[-1]
        assert _said(await session.items_of(first)) == "u1 a1 u2 a2 u3 a3"
        await session.choose(first.entry)
        assert await _texts(session) == "u1 a1 u2 a2 u3 a3"
        await session.choose(last)
        assert await _texts(session) == "u1 a1 u2c"

    async def test_ids_that_are_not_the_sessions(self, make: MakeLogSession, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        other = make(f"other {uuid4()}")
        with pytest.raises(UnknownEntryError):
            await other.choose((await session.entries())[0].id)
        await _fill(other, "u1 a1", "u2 a2")
        popped = (await session.entries())[-1].id
        await session.pop_item()
        foreign = (await other.entries())[-1].id
        for bad in (foreign, popped, "", "e", "e1-1-1", "1", "main", "é" * 1000, "\x00"):
            for operation in (session.choose(bad), session.items_of(bad)):
                with pytest.raises(UnknownEntryError, match="Nothing was changed"):
                    await operation
        await _fill(session, "a2b")
        with pytest.raises(UnknownEntryError):
            await session.choose(popped)
        wrong: Any
        for wrong in (1, None, b"e1-1-1", ["e1-1-1"]):
            for operation in (session.choose(wrong), session.items_of(wrong)):
                with pytest.raises(TypeError, match="way must be"):
                    await operation
        assert await _texts(session) == "u1 a1 u2 a2b"

    async def test_a_way_on_another_branch(self, session: LogSession) -> None:
        await _fill(session, "u1 a1")
        await session.branches.create("b", turn=1)
        stays = session.on_branch("b")
        await _fill(stays, "u1b")
        there = (await session.entries())[0].id
        assert _said(await stays.items_of(there)) == "u1 a1"
        with pytest.raises(BranchInUseError, match="main"):
            await stays.choose(there)
        await session.choose((await stays.entries())[0].id)
        assert await _texts(session) == "u1b"

    # --- What goes on -----------------------------------------------------------------------------------------------

    async def test_the_ways_on_from_the_end(self, session: LogSession) -> None:
        assert await session.ways_on() == []
        assert await session.siblings_by_turn() == {}
        await _fill(session, "u1 a1", "u2 a2", "u3")
        assert await session.ways_on() == []
        await session.branches.create("b", position=3)
        await _fill(session.on_branch("b"), "a2b")
        await session.undo()
        await session.undo()
        await _fill(session, "u2c")
        await session.undo()
        ways = await session.ways_on()
        assert [(way.turn, way.number, way.count, way.current, way.branch, way.undone) for way in ways] == [
            (2, 1, 3, False, None, False), (2, 2, 3, False, "b", False), (2, 3, 3, False, None, True),
        ]  # fmt: skip
        assert [_said(await session.items_of(way)) for way in ways] == [
            "u1 a1 u2 a2 u3", "u1 a1 u2 a2b", "u1 a1 u2c",
        ]  # fmt: skip
        await session.choose(ways[2])
        assert await _texts(session) == "u1 a1 u2c"
        await session.undo()
        await session.choose(ways[0])
        assert await _texts(session) == "u1 a1 u2 a2 u3"

    async def test_choosing_what_was_undone_is_redoing(self, session: LogSession) -> None:
        """Fails without: log/history/siblings.py, `redo_up_to` in `_go_to`."""
        await _fill(session, "u1", "u2", "u3")
        await session.undo()
        await session.undo()
        (way,) = await session.ways_on()
        assert way.undone
        await session.choose(way)
        assert await _texts(session) == "u1 u2"
        await session.redo()
        assert await _texts(session) == "u1 u2 u3"

    async def test_siblings_of_all_turns(self, session: LogSession, time: MovableClock) -> None:
        await _fill(session, "a0", "u1 a1", "u2 a2")
        await session.add_items([item("u3"), item("a3")], ttl=10)
        await _fill(session, "u4")
        for turn in (4, 2, 1):
            await session.branches.create(f"b{turn}", turn=turn)
            await _fill(session.on_branch(f"b{turn}"), f"u{turn}b", "u9")
        await session.branches.create("within", position=4)
        await _fill(session.on_branch("within"), "a2b u3b")
        await session.rewind(2)
        await session.add_items([item("u2c")], ttl=10)
        await _fill(session, "a2c", "u3c")
        for _ in range(2):
            for branch in await session.branches.list():
                pinned = session.on_branch(branch.name)
                expected = {}
                for turn in range(1, branch.turns + 1):
                    try:
                        expected[turn] = await pinned.siblings(turn)
                    except TurnNotFoundError:
                        continue  # It has expired.
                assert await pinned.siblings_by_turn() == expected, branch.name
                for bound in range(1, branch.turns + 2):
                    latest = {turn: ways for turn, ways in expected.items() if turn > branch.turns - bound}
                    assert await pinned.siblings_by_turn(max_turns=bound) == latest, (branch.name, bound)
            time.move(11)
        assert {turn: len(ways) for turn, ways in (await session.siblings_by_turn()).items()} == {1: 2, 2: 4, 3: 1}

    @pytest.mark.parametrize("back", ["pop", "undo", "rewind"])
    async def test_siblings_of_all_turns_where_a_branch_ends_before_its_own_beginning(
        self, session: LogSession, back: str
    ) -> None:
        """Fails without: log/history/sibling_map.py, `_begins_below` in `leaves`."""
        await _fill(session, "u1 a1")
        for name in ("b", "c"):
            await session.branches.create(name)
            await _fill(session.on_branch(name), f"u2{name}")
        pinned = session.on_branch("b")
        if back == "undo":
            await pinned.undo(2)
        elif back == "rewind":
            await pinned.rewind(1)
        else:
            for _ in range(2):
                await pinned.pop_item()
        await _fill(session, "a1b")
        for name in ("main", "b", "c"):
            pinned = session.on_branch(name)
            turns = sum(found["content"].startswith("u") for found in await pinned.get_items())
            assert await pinned.siblings_by_turn() == {
                turn: await pinned.siblings(turn) for turn in range(1, turns + 1)
            }

    async def test_siblings_of_all_turns_name_the_branch_that_was_active_last(
        self, session: LogSession, time: MovableClock
    ) -> None:
        """Fails without: log/history/sibling_map.py, `by_activity` in `list_all_siblings`."""
        await _fill(session, "u1")
        for name in ("b", "c"):
            await session.branches.create(name)
        await session.branches.create("other", turn=1)
        for name in ("other", "c", "b", "c"):
            time.move(1)
            await _fill(session.on_branch(name), f"u{name}")
        await session.on_branch("c").undo()
        pinned = session.on_branch("other")
        assert (await pinned.siblings_by_turn())[1] == await pinned.siblings(1)
        assert [way.branch for way in await pinned.siblings(1)] == ["c", "other"]

"""The contract for the history of a session of this package, as tests to run on your own store.

As `sessions.testing.SessionContract`, for the branches, undo, redo, siblings and turns of a `LogSession`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    NothingToRedoError,
    SummaryError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.attempt import AttemptContract
from sessions.testing.tree_model import CountEntries, TreeMachine, item
from sessions.testing.ways import WaysContract

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession
    from sessions.types import Turn


def _texts(items: list[Any]) -> str:
    return " ".join(found["content"] for found in items)


async def _fill(session: LogSession, *texts: str) -> None:
    for text in texts:
        await session.add_items([item(word) for word in text.split()])


async def _refused(change: Awaitable[object], error: type[Exception]) -> None:
    with pytest.raises(error):
        await change


AFTER_CLEARING: dict[str, Callable[[LogSession], Awaitable[object]]] = {
    "add": lambda session: session.add_items([item("u5")]),
    "add with a key": lambda session: session.add_items([item("u5")], idempotency_key="key"),
    "pop": lambda session: session.pop_item(),
    "undo": lambda session: session.undo(),
    "redo": lambda session: session.redo(),
    "branch": lambda session: session.branches.create("another"),
    "siblings": lambda session: session.siblings(),
    "handover": lambda session: session.handover("somebody"),
    "usage": lambda session: session.usage.record(input_tokens=1),
    "repair": lambda session: session.repair(apply=True),
    "expand": lambda session: _refused(session.undo_compaction(), SummaryError),
}
"""Changes by an object on a branch that went when another one cleared the session; ``main`` has something again."""


class HistoryContract(AttemptContract, WaysContract):
    """The promises of a session over the log about its history. Give it the fixture `make`, as `SessionContract`.

    A fixture `count_entries` may return a function that says how many entries the database holds of a session.
    """

    EXAMPLES: ClassVar[int] = 40
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    @pytest.fixture
    def count_entries(self) -> CountEntries | None:
        """Return nothing: the number of stored rows is not checked."""
        return None

    def test_any_sequence_of_operations(self, make: MakeLogSession, count_entries: CountEntries | None) -> None:
        run_state_machine_as_test(
            lambda: TreeMachine(make, count_entries),  # type: ignore[arg-type]
            settings=settings(
                max_examples=self.EXAMPLES,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
            ),
        )

    # --- Cleared by another object -----------------------------------------------------------------------------

    @pytest.mark.parametrize("change", AFTER_CLEARING)
    async def test_an_object_goes_on_after_another_one_cleared(self, make: MakeLogSession, change: str) -> None:
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await _fill(session, "u1 a1", "u2 a2")
        await session.branches.create("branch", switch=True)
        await other.clear_session()
        await _fill(other, "u3 a3", "u4 a4")
        await other.undo()
        await AFTER_CLEARING[change](session)
        assert [branch.name for branch in await other.branches.list() if branch.current] == ["main"]
        await session.add_items([item("a5")])
        assert (await other.get_items())[-1] == item("a5")

    async def test_an_object_goes_on_after_the_session_was_cleared_and_left(self, make: MakeLogSession) -> None:
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await _fill(session, "u1 a1")
        await session.branches.create("branch", switch=True)
        await other.clear_session()
        for number in range(2):
            await session.add_items([item(f"u{number}")])
        assert await session.pop_item() == item("u1")
        assert _texts(await other.get_items()) == "u0"

    async def test_a_branch_that_never_was_does_not_lead_an_object_astray(self, make: MakeLogSession) -> None:
        """Fails without: log/core/cleared.py, `branch != MAIN` in `was_cleared_away`."""
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await session.get_items()
        await _refused(session.branches.delete("b"), UnknownBranchError)
        await other.branches.create("a", switch=True)
        await session.add_items([item("u1")])
        assert _texts(await session.on_branch("main").get_items()) == "u1"

    @pytest.mark.parametrize("how", ["deleted", "renamed"])
    async def test_an_object_is_not_led_into_another_branch_of_the_same_name(
        self, make: MakeLogSession, how: str
    ) -> None:
        """Fails without: log/core/heads.py, `if number_of(branch) not in` in `find_head`."""
        session_id = f"session-{uuid4()}"
        other = make(session_id)
        await _fill(other, "u1")
        await other.branches.create("draft", switch=True)
        followed, pinned, only_adds = make(session_id), *(make(session_id).on_branch("draft") for _ in range(2))
        for session in (followed, pinned):
            await session.get_items()
        await only_adds.add_items([item("old")])
        await other.branches.switch("main")
        if how == "deleted":
            await other.branches.delete("draft")
            await other.branches.create("draft")
        else:
            await other.branches.create("new")
            await other.branches.rename("draft", "old")
            await other.branches.rename("new", "draft")
        version = await other.version()
        for session in (followed, pinned, only_adds):
            for change in (partial(session.add_items, [item("lost")]), session.pop_item, session.undo):
                await _refused(change(), UnknownBranchError)
        assert await other.version() == version
        assert _texts(await make(session_id).on_branch("draft").get_items()) == "u1"
        for session in (pinned, only_adds):
            await _refused(session.get_items(), UnknownBranchError)
        # An object that only follows continues with the current branch once it has read.
        assert _texts(await followed.get_items()) == "u1"
        await followed.add_items([item("u2")])
        assert _texts(await other.get_items()) == "u1 u2"

    async def test_an_object_whose_branch_was_deleted_is_told_so(self, make: MakeLogSession) -> None:
        session_id = f"session-{uuid4()}"
        session, other = make(session_id), make(session_id)
        await _fill(session, "u1 a1")
        await other.clear_session()
        await _fill(other, "u1 a1")
        await session.get_items()
        await session.branches.create("branch", switch=True)
        await other.branches.delete("branch", force=True)
        for change in (session.add_items([item("a2")]), session.pop_item(), session.undo()):
            with pytest.raises(UnknownBranchError):
                await change
        pinned = session.on_branch("main")
        await other.clear_session()
        await pinned.add_items([item("u1")])
        with pytest.raises(UnknownBranchError):
            await session.on_branch("branch").add_items([item("u2")])

    # --- Undo and redo -----------------------------------------------------------------------------------------

    async def test_undo_and_redo(self, session: LogSession) -> None:
        await _fill(session, "a0", "u1 a1", "u2 a2", "u3 a3")
        assert _texts(await session.undo()) == "u3 a3"
        assert _texts(await session.undo(2)) == "u1 a1 u2 a2"
        assert _texts(await session.get_items()) == "a0"
        assert _texts(await session.redo()) == "u1 a1 u2 a2"
        assert _texts(await session.redo()) == "u3 a3"
        assert _texts(await session.get_items()) == "a0 u1 a1 u2 a2 u3 a3"
        with pytest.raises(NothingToRedoError):
            await session.redo()

    async def test_a_new_object_finds_what_was_undone(self, make: MakeLogSession) -> None:
        await _fill(make("undone"), "u1 a1", "u2 a2")
        await make("undone").undo()
        assert _texts(await make("undone").get_items()) == "u1 a1"
        assert _texts(await make("undone").redo()) == "u2 a2"

    @pytest.mark.parametrize("change", ["add", "pop", "clear"])
    async def test_a_change_ends_redo(self, session: LogSession, change: str) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.undo()
        await {"add": lambda: _fill(session, "u3"), "pop": session.pop_item, "clear": session.clear_session}[change]()
        with pytest.raises(NothingToRedoError):
            await session.redo()

    async def test_an_append_of_nothing_does_not_end_redo(self, session: LogSession) -> None:
        await _fill(session, "u1 a1")
        await session.undo()
        await session.add_items([])
        assert _texts(await session.redo()) == "u1 a1"

    async def test_more_turns_than_there_are(self, session: LogSession) -> None:
        with pytest.raises(TurnNotFoundError, match="branch 'main' has none"):
            await session.undo()
        await _fill(session, "u1 a1", "u2 a2")
        with pytest.raises(TurnNotFoundError, match="has only 2"):
            await session.undo(3)
        assert _texts(await session.get_items()) == "u1 a1 u2 a2"

    # --- Siblings ------------------------------------------------------------------------------------------------

    async def test_edit_keeps_the_old_way_reachable(self, make: MakeLogSession) -> None:
        await _fill(make("edit"), "u1 a1", "u2 a2", "u3 a3")
        for texts in ("u2b a2b", "u2c a2c u3c"):
            session = make("edit")
            await session.undo(2 if texts == "u2b a2b" else 1)
            await _fill(session, texts)
        session = make("edit")
        assert [(s.number, s.count, s.current) for s in await session.siblings(2)] == [
            (1, 3, False), (2, 3, False), (3, 3, True),
        ]  # fmt: skip
        assert [(s.number, s.count) for s in await session.siblings(1)] == [(1, 1)]
        for number, path in ((0, "u2 a2 u3 a3"), (1, "u2b a2b"), (2, "u2c a2c u3c"), (0, "u2 a2 u3 a3")):
            await make("edit").choose((await make("edit").siblings(2))[number])
            assert _texts(await make("edit").get_items()) == f"u1 a1 {path}"
            assert [s.current for s in await make("edit").siblings(2)].index(True) == number

    async def test_a_regenerated_answer_is_a_sibling(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.branches.create("again", position=3, switch=True)
        await _fill(session, "a2b")
        siblings = await session.siblings()
        assert [(s.branch, s.current) for s in siblings] == [("main", False), ("again", True)]
        await session.choose(siblings[0])
        assert _texts(await session.get_items()) == "u1 a1 u2 a2"
        assert [branch.name for branch in await session.branches.list() if branch.current] == ["main"]

    async def test_a_way_is_entered_where_it_was_left(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.undo(2)
        await _fill(session, "u1b a1b")
        await session.choose((await session.siblings(1))[0])
        await _fill(session, "u3 a3")
        await session.choose((await session.siblings(1))[1])
        await session.choose((await session.siblings(1))[0])
        assert _texts(await session.get_items()) == "u1 a1 u2 a2 u3 a3"

    async def test_choosing_ends_redo_and_loses_nothing(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")
        await session.undo(2)
        await _fill(session, "u2b a2b", "u3b a3b")
        await session.undo()
        await session.choose((await session.siblings(2))[0])
        assert _texts(await session.get_items()) == "u1 a1 u2 a2 u3 a3"
        with pytest.raises(NothingToRedoError):
            await session.redo()
        await session.choose((await session.siblings(2))[1])
        assert _texts(await session.get_items()) == "u1 a1 u2b a2b u3b a3b"

    async def test_a_sibling_that_is_gone(self, session: LogSession) -> None:
        await _fill(session, "u1 a1")
        await session.branches.create("b", turn=1)
        await _fill(session.on_branch("b"), "u1b")
        gone = (await session.siblings(1))[1]
        await session.branches.delete("b")
        with pytest.raises(TurnNotFoundError, match="List the siblings again"):
            await session.choose(gone)
        assert _texts(await session.get_items()) == "u1 a1"

    async def test_an_object_that_stays_does_not_choose_another_branch(self, session: LogSession) -> None:
        await _fill(session, "u1 a1")
        await session.branches.create("b", turn=1)
        stays = session.on_branch("b")
        await _fill(stays, "u1b")
        with pytest.raises(BranchInUseError, match="main"):
            await stays.choose((await stays.siblings(1))[0])

    # --- Branches -----------------------------------------------------------------------------------------------

    async def test_the_current_branch_is_stored(self, make: MakeLogSession) -> None:
        await _fill(make("stored"), "u1 a1", "u2 a2")
        await make("stored").branches.create("b", turn=2, switch=True)
        await _fill(make("stored"), "u2b")
        assert _texts(await make("stored").get_items()) == "u1 a1 u2b"
        await make("stored").branches.switch("main")
        assert _texts(await make("stored").get_items()) == "u1 a1 u2 a2"

    async def test_a_switch_does_not_come_between_a_read_and_an_append(self, make: MakeLogSession) -> None:
        run, other = make("following"), make("following")
        await _fill(run, "u1 a1")
        await run.branches.create("b")
        await run.get_items()
        await other.branches.switch("b")
        await _fill(run, "u2 a2")
        assert _texts(await run.on_branch("main").get_items()) == "u1 a1 u2 a2"
        assert _texts(await run.get_items()) == "u1 a1"
        await _fill(run, "u2b")
        assert _texts(await run.on_branch("b").get_items()) == "u1 a1 u2b"

    async def test_several_agents_on_several_branches(self, session: LogSession) -> None:
        await _fill(session, "u0 a0")
        names = [f"b{number}" for number in range(8)]
        for name in names:
            await session.branches.create(name)

        async def converse(name: str) -> None:
            pinned = session.on_branch(name)
            for turn in range(5):
                await pinned.add_items([item(f"u{name}{turn}"), item(f"a{name}{turn}")])
                await pinned.get_items(1)

        await asyncio.gather(*map(converse, names))
        for name in names:
            expected = "u0 a0 " + " ".join(f"u{name}{turn} a{name}{turn}" for turn in range(5))
            assert _texts(await session.on_branch(name).get_items()) == expected
        assert _texts(await session.get_items()) == "u0 a0"

    async def test_a_hundred_branches_store_each_item_once(
        self, session: LogSession, count_entries: CountEntries | None
    ) -> None:
        await _fill(session, *(f"u{turn} a{turn}" for turn in range(10)))
        for number in range(100):
            await session.branches.create(f"b{number}", turn=number % 10 + 1)
        assert [branch.items for branch in await session.branches.list()] == [20, *(n % 10 * 2 for n in range(100))]
        if count_entries:
            assert await count_entries(session.session_id) == 20

    async def test_places_to_fork_at(self, session: LogSession) -> None:
        await _fill(session, "a0", "u1 a1", "u2 a2")
        places: list[tuple[dict[str, Any], str]] = [
            ({}, "a0 u1 a1 u2 a2"), ({"turn": 1}, "a0"), ({"turn": 2}, "a0 u1 a1"), ({"position": 0}, ""),
            ({"position": 2}, "a0 u1"), ({"matching": "U2"}, "a0 u1 a1"), ({"source": "0"}, "a0 u1 a1 u2 a2"),
        ]  # fmt: skip
        for number, (place, expected) in enumerate(places):
            created = await session.branches.create(str(number), **place)
            assert _texts(await session.on_branch(str(number)).get_items()) == expected
            assert created.items == len(expected.split())
        assert (await session.branches.list())[-1].lineage == ("main", "0")

    @pytest.mark.parametrize("place", [{"turn": 3}, {"position": 5}, {"matching": "a1"}])
    async def test_places_that_are_not_there(self, session: LogSession, place: dict[str, Any]) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        with pytest.raises(TurnNotFoundError, match=r"main.*Nothing was changed"):
            await session.branches.create("b", **place)
        assert [branch.name for branch in await session.branches.list()] == ["main"]

    async def test_names(self, session: LogSession) -> None:
        await _fill(session, "u1 a1")
        for name in ("a", "A", "á", "a b", "x'; drop table"):
            await session.branches.create(name)
            await _fill(session.on_branch(name), f"u{name.replace(' ', '')}")
        with pytest.raises(BranchExistsError):
            await session.branches.create("A")
        with pytest.raises(BranchExistsError):
            await session.branches.create("main")
        with pytest.raises(BranchExistsError):
            await session.branches.rename("a", "A")
        await session.branches.rename("a", "new")
        await session.branches.create("a")
        assert _texts(await session.on_branch("a").get_items()) == "u1 a1"
        assert _texts(await session.on_branch("new").get_items()) == "u1 a1 ua"
        for bad in ("", " ", "a\nb", "\x01", "n" * 256):
            with pytest.raises(ValueError, match="name"):
                await session.branches.create(bad)

    async def test_unknown_branches(self, session: LogSession) -> None:
        await _fill(session, "u1 a1")
        branches, lost = session.branches, session.on_branch("b")
        operations: list[Coroutine[Any, Any, Any]] = [
            branches.switch("b"), branches.delete("b"), branches.rename("b", "c"), branches.compare("main", "b"),
            branches.create("c", source="b"), lost.get_items(), lost.add_items([item("u2")]), lost.pop_item(),
            lost.undo(), lost.redo(), lost.turns(), lost.get_turn(1), lost.siblings(),
        ]  # fmt: skip
        for operation in operations:
            with pytest.raises(UnknownBranchError, match="'main'") as caught:
                await operation
            assert isinstance(caught.value, ValueError)
        assert _texts(await session.get_items()) == "u1 a1"
        assert [branch.name for branch in await branches.list()] == ["main"]

    async def test_deleting(self, session: LogSession, count_entries: CountEntries | None) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.branches.create("b", turn=2, switch=True)
        await _fill(session, "u2b a2b")
        await session.branches.create("c")
        with pytest.raises(BranchInUseError, match="force"):
            await session.branches.delete("b")
        with pytest.raises(BranchInUseError, match="main"):
            await session.branches.delete("main", force=True)
        await session.branches.delete("b", force=True)
        assert _texts(await session.get_items()) == "u1 a1 u2 a2"
        assert _texts(await session.on_branch("c").get_items()) == "u1 a1 u2b a2b"
        assert [(b.name, b.lineage, b.fork_turn) for b in await session.branches.list()] == [
            ("main", (), None), ("c", ("main",), 1),
        ]  # fmt: skip
        await session.branches.delete("c")
        if count_entries:
            assert await count_entries(session.session_id) == 4

    async def test_comparing(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.branches.create("b", turn=2)
        await _fill(session.on_branch("b"), "u2b")
        compared = await session.branches.compare("main", "b")
        assert (_texts(compared.common), _texts(compared.first), _texts(compared.second)) == ("u1 a1", "u2 a2", "u2b")
        assert compared.position == 2
        same = await session.branches.compare("main", "main")
        assert (len(same.common), same.first, same.second) == (4, [], [])

    # --- Turns ----------------------------------------------------------------------------------------------------

    async def test_turns_and_pages(self, session: LogSession) -> None:
        assert await session.turns() == []
        await _fill(session, "a0 a0b", "u1 a1", "u2 a2 a2b", "u3")
        await session.branches.create("b", turn=3, switch=True)
        await _fill(session, "u4 a4", "u5")
        turns = await session.turns()
        assert [(turn.number, _texts(turn.items)) for turn in turns] == [
            (0, "a0 a0b"), (1, "u1 a1"), (2, "u2 a2 a2b"), (3, "u4 a4"), (4, "u5"),
        ]  # fmt: skip
        assert [turn.number for turn in await session.turns(2)] == [3, 4]
        forward: list[Turn] = []
        backward: list[Turn] = []
        page = await session.turns(2)
        while page:
            backward[:0] = page
            page = await session.turns(2, before=page[0].position)
        page = await session.turns(2, after=0)
        while page:
            forward += page
            page = await session.turns(2, after=page[-1].last_position)
        assert forward == backward == turns
        for turn in turns:
            assert await session.get_turn(turn.number) == turn
        assert await session.on_branch("b").turns() == turns

    async def test_turns_that_are_not_there(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2")
        for number in (0, 3):
            with pytest.raises(TurnNotFoundError, match="turns 1 to 2"):
                await session.get_turn(number)
        with pytest.raises(TurnNotFoundError):
            await session.siblings(3)

    @pytest.mark.parametrize("bad", ["1", 1.0, True, -1])
    async def test_numbers_that_are_none(self, session: LogSession, bad: Any) -> None:
        await _fill(session, "u1 a1")
        for operation in (
            session.undo(bad), session.siblings(bad), session.get_turn(bad), session.turns(bad),
            session.turns(before=bad), session.turns(after=bad), session.branches.create("b", turn=bad),
            session.branches.create("b", position=bad),
        ):  # fmt: skip
            with pytest.raises((TypeError, ValueError)):
                await operation
        assert _texts(await session.get_items()) == "u1 a1"

    # --- Cancellation ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("operation", ["undo", "redo", "create", "switch", "delete"])
    async def test_a_cancelled_change_has_happened_wholly_or_not_at_all(
        self, make: MakeLogSession, operation: str
    ) -> None:
        states, late = [], 0
        for steps in range(50):
            if late == 3:
                break  # Later than the end, all are alike.
            session = make(f"cancelled {operation} {steps}")
            await _fill(session, "u1 a1", "u2 a2")
            await session.branches.create("b", turn=2)
            await session.undo()
            changes: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
                "undo": session.undo,
                "redo": session.redo,
                "create": partial(session.branches.create, "c", switch=True),
                "switch": partial(session.branches.switch, "b"),
                "delete": partial(session.branches.delete, "b"),
            }
            task = asyncio.ensure_future(changes[operation]())
            for _ in range(steps):
                await asyncio.sleep(0)
            late = late + 1 if task.done() else 0
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            fresh = make(f"cancelled {operation} {steps}")
            state = await self._state(fresh)
            before = (["main", "b"], "main", "u1 a1", 1)
            after = {
                "undo": (["main", "b"], "main", "", 2), "redo": (["main", "b"], "main", "u1 a1 u2 a2", 0),
                "create": (["main", "b", "c"], "c", "u1 a1", 0), "switch": (["main", "b"], "b", "u1 a1", 0),
                "delete": (["main"], "main", "u1 a1", 1),
            }  # fmt: skip
            assert state in (before, after[operation])
            # It is decided by now: nothing comes later.
            assert await self._state(fresh) == state
            states.append(state)
        assert states[0] == before

    @staticmethod
    async def _state(session: LogSession) -> tuple[list[str], str, str, int]:
        listed = await session.branches.list()
        (current,) = (branch for branch in listed if branch.current)
        names = [branch.name for branch in listed]
        return names, current.name, _texts(await session.get_items()), current.redoable

"""The contract for `session.attempt`, a part of `HistoryContract`: the readers' view, and the effects of each end."""

# ruff: noqa: PT012 - the end of a block raises.

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.errors import (
    ConflictError,
    IdempotencyKeyReusedError,
    InAttemptError,
    LeaseLostError,
    NothingToRedoError,
    SessionBusyError,
    TurnNotFoundError,
    UnknownBranchError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import CountEntries, item

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Literal

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

    OnFailure = Literal["keep", "drop"]

TTL = 60.0


class ProviderError(Exception):
    """An error that a block raises."""


async def _add(session: LogSession, texts: str) -> None:
    await session.add_items([item(text) for text in texts.split()])


async def _texts(session: LogSession) -> str:
    return " ".join(found.get("content", found.get("type")) for found in await session.get_items())


async def _numbers(session: LogSession, turn: int) -> list[bool]:
    """Return which of the ways through a turn is the current one."""
    return [sibling.current for sibling in await session.siblings(turn)]


async def _summarise(items: list[Any]) -> str:
    return f"{len(items)} items"


async def _fail(session: LogSession, texts: str, *, turn: int | None = None, on_failure: OnFailure = "keep") -> None:
    with pytest.raises(ProviderError):
        async with session.attempt(turn, on_failure=on_failure) as tried:
            await _add(tried, texts)
            raise ProviderError


async def _refused_in_attempt(session: LogSession, texts: str, turn: int, change: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises(ConflictError, match="stays as a sibling"):
        async with session.attempt(turn) as tried:
            await _add(tried, texts)
            await change()


NOT_IN_AN_ATTEMPT: dict[str, Callable[[LogSession], Awaitable[Any]]] = {
    "another attempt": lambda tried: tried.attempt().__aenter__(),
    "undo": lambda tried: tried.undo(),
    "redo": lambda tried: tried.redo(),
    "rewind": lambda tried: tried.rewind(1),
    "lease": lambda tried: tried.lease().__aenter__(),
    "clear": lambda tried: tried.clear_session(),
    "create": lambda tried: tried.branches.create("b"),
    "switch": lambda tried: tried.branches.switch("main"),
    "rename": lambda tried: tried.branches.rename("other", "b"),
    "delete": lambda tried: tried.branches.delete("other"),
}

ENDINGS: dict[str, Callable[[LogSession], Awaitable[Any]]] = {
    "deleted": lambda session: session.branches.delete("other", force=True),
    "cleared": lambda session: session.clear_session(),
}


class AttemptContract(SessionAndClock):
    """The promises of a session over the log about attempts and `rewind`."""

    # --- Rewind -----------------------------------------------------------------------------------------------------

    async def test_rewind_goes_before_a_turn_and_redo_comes_back(self, session: LogSession) -> None:
        await _add(session, "a0 u1 a1 u2 a2 u3 a3")
        assert [found["content"] for found in await session.rewind(2)] == ["u2", "a2", "u3", "a3"]
        assert await _texts(session) == "a0 u1 a1"
        with pytest.raises(TurnNotFoundError, match="turn 2"):
            await session.rewind(turn=2)
        assert len(await session.redo()) == 4
        await session.rewind(1)
        assert await _texts(session) == "a0"
        await _add(session, "u1b")
        assert await _numbers(session, 1) == [False, True]

    async def test_rewind_counts_turns_that_have_expired(self, session: LogSession, time: MovableClock) -> None:
        await _add(session, "u1 a1")
        await session.add_items([item("u2"), item("a2")], ttl=10)
        await _add(session, "u3 a3")
        time.move(11)
        for refused in (session.rewind(2), session.attempt(2).__aenter__()):
            with pytest.raises(TurnNotFoundError, match="expired"):
                await refused
        assert [found["content"] for found in await session.rewind(3)] == ["u3", "a3"]

    @pytest.mark.parametrize("bad", ["1", 1.0, True, 0, -1])
    async def test_turns_that_are_none(self, session: LogSession, bad: Any) -> None:
        await _add(session, "u1 a1")
        for operation in (partial(session.rewind, bad), partial(session.attempt, bad)):
            with pytest.raises((TypeError, ValueError)):
                await operation()  # type: ignore[misc]
        wrong: Any
        for wrong in ("forget", ["keep"]):
            with pytest.raises(ValueError, match="on_failure"):
                session.attempt(on_failure=wrong)
        assert await _texts(session) == "u1 a1"

    # --- The view of others ------------------------------------------------------------------------------------------

    async def test_others_see_the_old_way_until_the_block_ends(self, make: MakeLogSession, session: LogSession) -> None:
        other = make(session.session_id)
        await _add(session, "u1 a1 u2 a2 u3 a3")
        async with session.attempt(turn=2) as tried:
            assert type(tried) is type(session)
            assert await _texts(tried) == "u1 a1"
            await _add(tried, "u2b")
            await _add(tried, "a2b")
            assert await _texts(tried) == "u1 a1 u2b a2b"
            for reader in (session, other, make(session.session_id)):
                assert await _texts(reader) == "u1 a1 u2 a2 u3 a3"
            assert [(branch.name, branch.items) for branch in await other.branches.list()] == [("main", 6)]
        for reader in (session, other, make(session.session_id)):
            assert await _texts(reader) == "u1 a1 u2b a2b"
        assert await _numbers(session, 2) == [False, True]
        await session.choose((await session.siblings(2))[0])
        assert await _texts(other) == "u1 a1 u2 a2 u3 a3"

    async def test_going_on_from_the_end_leaves_no_sibling(self, session: LogSession) -> None:
        async with session.attempt() as tried:
            await _add(tried, "u1 a1")
            assert await _texts(session) == ""
        async with session.attempt() as tried:
            await _add(tried, "a1b u2")
        assert await _texts(session) == "u1 a1 a1b u2"
        assert [await _numbers(session, turn) for turn in (1, 2)] == [[True], [True]]
        with pytest.raises(NothingToRedoError):
            await session.redo()

    async def test_a_watcher_is_told_of_the_way_when_it_is_the_branchs(self, session: LogSession) -> None:
        await _add(session, "u1 a1")
        version = await session.version()
        async with session.attempt(turn=1) as tried:
            await _add(tried, "u1b")
            changes = session.watch(after=version)
            assert [(change := await anext(changes)).kind for _ in range(2)] == ["attempt_begun", "appended"]
            assert (change.branch, change.items) == (None, [item("u1b")])
        assert (await anext(changes)).kind == "attempt_chosen"
        await _fail(session, "u1c", turn=1)
        await _fail(session, "u1d", turn=1, on_failure="drop")
        assert [(await anext(changes)).kind for _ in range(5)] == [
            "attempt_begun", "appended", "attempt_kept", "attempt_begun", "attempt_dropped",
        ]  # fmt: skip
        await changes.aclose()

    async def test_an_attempt_of_an_object_that_stays_on_a_branch(self, session: LogSession) -> None:
        await _add(session, "u1 a1")
        await session.branches.create("b")
        async with session.on_branch("b").attempt(1) as tried:
            await _add(tried, "u1b")
        assert await _texts(session) == "u1 a1"
        assert await _texts(session.on_branch("b")) == "u1b"
        with pytest.raises(UnknownBranchError):
            await session.on_branch("c").attempt().__aenter__()

    async def test_everything_that_a_run_does_can_be_done(self, session: LogSession) -> None:
        await _add(session, "u1 a1 u2 a2")
        call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
        async with session.as_author("me").attempt(2) as tried:
            await tried.add_items([item("u2b")], idempotency_key="k")
            await tried.add_items([item("u2b")], idempotency_key="k")
            await tried.handover("billing", note="angry")
            await tried.add_items([call])
            await tried.repair(apply=True)
            assert await tried.pop_item() is not None
            await tried.compact(_summarise, keep_turns=1)
            await tried.usage.record(input_tokens=3)
            assert [turn.number for turn in await tried.turns()] == [1, 2]
            assert [sibling.current for sibling in await tried.siblings(2)] == [False, True]
            assert await tried.window(10)
            seen = await tried.get_items()
            entries = await tried.entries()
        assert entries[-1].kind == "summary"
        assert {entry.author for entry in entries if entry.turn == 2 and entry.kind == "user"} == {"me"}
        assert (await session.get_items(), await session.entries()) == (seen, entries)
        assert (await session.usage.total()).input_tokens == 3

    async def test_an_attempt_that_adds_nothing_is_a_rewind(
        self, session: LogSession, count_entries: CountEntries | None
    ) -> None:
        async with session.attempt():
            pass
        await _add(session, "u1 a1 u2 a2")
        async with session.attempt():
            pass
        assert await _texts(session) == "u1 a1 u2 a2"
        async with session.attempt(2):
            pass
        assert await _texts(session) == "u1 a1"
        assert len(await session.redo()) == 2
        async with session.attempt() as tried:
            await tried.pop_item()
        assert await _texts(session) == "u1 a1 u2"
        assert count_entries is None or await count_entries(session.session_id) == 3

    @pytest.mark.parametrize(("turn", "left", "kept"), [(None, "u1 a1", 2), (2, "u1", 4)])
    async def test_what_is_popped_in_an_attempt_does_not_come_back(
        self, session: LogSession, count_entries: CountEntries | None, turn: int | None, left: str, kept: int
    ) -> None:
        """As after `pop_item` on the branch. Fails without: log/history/attempt.py, `popped`."""
        await _add(session, "u1 a1 u2 a2")
        if turn is None:
            await _add(session, "u3 a3")
            await session.undo()
        async with session.attempt(turn) as tried:
            await tried.pop_item()
            if turn is None:
                await tried.pop_item()
        assert await _texts(session) == left
        with pytest.raises(NothingToRedoError):
            await session.redo()
        assert count_entries is None or await count_entries(session.session_id) == kept
        assert not any(way.undone for way in await session.ways_on())
        await _add(session, "u4")
        assert await _texts(session) == f"{left} u4"

    # --- Failure ----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("turn", [None, 1, 2])
    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_a_block_that_raises_leaves_the_old_way(
        self, session: LogSession, count_entries: CountEntries | None, turn: int | None, on_failure: OnFailure
    ) -> None:
        await _add(session, "u1 a1 u2 a2")
        await _fail(session, "u9 a9", turn=turn, on_failure=on_failure)
        assert await _texts(session) == "u1 a1 u2 a2"
        kept = on_failure == "keep"
        if turn is not None:
            assert await _numbers(session, turn) == [True, False][: 1 + kept]
        assert count_entries is None or await count_entries(session.session_id) == 4 + 2 * kept
        await _add(session, "u3")
        assert await _texts(session) == "u1 a1 u2 a2 u3"
        if kept:
            await session.choose((await session.siblings(turn or 3))[turn is not None])
            assert (await _texts(session)).endswith("u9 a9")

    async def test_the_cost_of_what_was_dropped_stays_counted(self, session: LogSession) -> None:
        await _add(session, "u1 a1")
        with pytest.raises(ProviderError):
            async with session.attempt(1, on_failure="drop") as tried:
                await _add(tried, "u1b")
                await tried.usage.record(input_tokens=7)
                raise ProviderError
        assert (await session.usage.total()).input_tokens == 7
        assert [row.usage.input_tokens for row in await session.usage.by("branch")] == [0]

    @pytest.mark.parametrize("how", ["keep", "drop", "conflict", "lost"])
    async def test_idempotency_keys_of_an_attempt_that_failed_are_new(
        self, make: MakeLogSession, session: LogSession, how: str
    ) -> None:
        """A retry of the whole request adds the message again, also with another text, and only once."""
        other = make(session.session_id)
        await _add(session, "u1 a1")
        await session.add_items([item("u2")], idempotency_key="before")
        with pytest.raises((ProviderError, ConflictError)):
            async with session.attempt(on_failure="drop" if how == "drop" else "keep") as tried:
                for text in ("u3", "u4"):
                    await tried.add_items([item(text)], idempotency_key=text)
                await tried.add_items([], idempotency_key="nothing")
                await tried.add_items([item("u3")], idempotency_key="u3")
                await tried.add_items([item("u2")], idempotency_key="before")
                assert await _texts(tried) == "u1 a1 u2 u3 u4"
                await tried.pop_item()
                await tried.add_items([item("u4")], idempotency_key="u4")
                assert await _texts(tried) == "u1 a1 u2 u3"
                if how == "conflict":
                    await _add(other, "u3b")
                elif how == "lost":
                    await other.undo()
                else:
                    raise ProviderError
        if how == "lost":
            await other.redo()
        before = await _texts(session)
        for retry in (session, other):
            for text, key in (("u3c", "u3"), ("u4", "u4"), ("u2", "before"), ("u5", "nothing")):
                await retry.add_items([item(text)], idempotency_key=key)
        assert await _texts(session) == f"{before} u3c u4 u5"

    @pytest.mark.parametrize("turn", [None, 1, 2])
    async def test_idempotency_keys_of_an_attempt_that_was_chosen_stay_known(
        self, make: MakeLogSession, session: LogSession, turn: int | None
    ) -> None:
        await _add(session, "u1 a1 u2 a2")
        async with session.attempt(turn) as tried:
            await tried.add_items([item("u3")], idempotency_key="k")
        async with session.attempt() as tried:
            await tried.add_items([item("u4")], idempotency_key="popped")
            await tried.pop_item()
        before = await _texts(session)
        assert before.endswith("u3")
        async with session.attempt() as tried:
            await tried.add_items([item("u3")], idempotency_key="k")
        await session.add_items([item("u4")], idempotency_key="popped")
        await make(session.session_id).add_items([item("u3")], idempotency_key="k")
        assert await _texts(session) == before
        with pytest.raises(IdempotencyKeyReusedError):
            await session.add_items([item("other")], idempotency_key="k")

    @pytest.mark.parametrize("where", ["branch", "attempt"])
    async def test_a_retry_beside_an_attempt_whose_process_was_killed(
        self, make: MakeLogSession, session: LogSession, where: str
    ) -> None:
        """Nobody ends the attempt: its keys are known in it alone. Here, it goes on later."""
        retry = make(session.session_id)
        await _add(session, "u1 a1")
        with pytest.raises(ConflictError):
            async with session.attempt() as killed:
                await killed.add_items([item("u2")], idempotency_key="k")
                await killed.add_items([item("u2")], idempotency_key="k")
                if where == "branch":
                    await retry.add_items([item("u2")], idempotency_key="k")
                else:
                    async with retry.attempt() as tried:
                        await tried.add_items([item("u2")], idempotency_key="k")
                        await _add(tried, "a2")
                expected = await _texts(retry)
                assert expected == ("u1 a1 u2" if where == "branch" else "u1 a1 u2 a2")
                await retry.add_items([item("u2")], idempotency_key="k")
        await retry.add_items([item("u2")], idempotency_key="k")
        assert await _texts(retry) == expected

    async def test_keys_of_an_attempt_that_is_chosen_while_it_runs(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        """Fails without: log/history/siblings.py, `SHARE_ATTEMPTS_KEYS`."""
        other = make(session.session_id)
        await _add(session, "u1 a1")
        with pytest.raises(ConflictError):
            async with session.attempt(1) as tried:
                await tried.add_items([item("u1b")], idempotency_key="chosen")
                await other.choose((await other.siblings(1))[1])
                await tried.add_items([item("late")], idempotency_key="late")
        await other.add_items([item("u1b")], idempotency_key="chosen")
        assert await _texts(other) == "u1b"
        await other.add_items([item("late")], idempotency_key="late")
        assert await _texts(other) == "u1b late"

    async def test_edit_fail_and_try_again(self, session: LogSession) -> None:
        await _add(session, "u1 a1 u2 a2")
        await _fail(session, "u2b", turn=2, on_failure="drop")
        await _fail(session, "u2c", turn=2)
        async with session.attempt(turn=2) as tried:
            await _add(tried, "u2d a2d")
        assert await _texts(session) == "u1 a1 u2d a2d"
        assert await _numbers(session, 2) == [False, False, True]

    @pytest.mark.parametrize("how", ["committed", "keep", "drop"])
    async def test_nothing_is_added_after_the_end(self, session: LogSession, how: Any) -> None:
        await _add(session, "u1 a1")
        with suppress(ProviderError):
            async with session.attempt(1, on_failure="keep" if how == "committed" else how) as tried:
                await _add(tried, "u1b")
                if how != "committed":
                    raise ProviderError
        before = await session.version(), await _texts(session)
        for change in (tried.get_items, tried.pop_item, partial(_add, tried, "late"), partial(tried.handover, "b")):
            with pytest.raises(ConflictError, match="this attempt has ended"):
                await change()
        with pytest.raises(ConflictError):
            await tried.add_items([item("late")], idempotency_key="late")
        assert (await session.version(), await _texts(session)) == before

    # --- Others -----------------------------------------------------------------------------------------------------

    async def test_a_branch_that_others_changed_stays_as_they_left_it(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        other = make(session.session_id)
        await _add(session, "u1 a1 u2 a2")
        await _refused_in_attempt(session, "u2b", 2, partial(_add, other, "u3"))
        await _refused_in_attempt(session, "u2c", 2, other.pop_item)
        await _refused_in_attempt(session, "u2d", 2, other.undo)
        assert await _texts(session) == "u1 a1"
        await other.redo()
        assert await _texts(session) == "u1 a1 u2 a2"
        assert await _numbers(session, 2) == [True, False, False, False]

        async def replace_the_last() -> None:
            await other.pop_item()
            await _add(other, "a2x")

        await _refused_in_attempt(session, "u2e", 2, replace_the_last)
        assert await _texts(session) == "u1 a1 u2 a2x"

    async def test_a_branch_that_ends_where_it_did_goes_on_with_the_attempt(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        other = make(session.session_id)
        await _add(session, "u1 a1 u2 a2")
        await other.branches.create("b")
        async with session.attempt(2) as tried:
            await _add(tried, "u2b")
            await other.undo()
            await other.redo()
            await _add(other.on_branch("b"), "u3")
            await other.branches.switch("b")
        assert await _texts(session.on_branch("main")) == "u1 a1 u2b"
        assert await _texts(other) == "u1 a1 u2 a2 u3"

    async def test_the_first_of_two_attempts_wins(self, make: MakeLogSession, session: LogSession) -> None:
        other = make(session.session_id)
        await _add(session, "u1 a1")
        with pytest.raises(ConflictError, match="main"):
            async with session.attempt() as tried:
                await _add(tried, "u2")
                async with other.attempt() as theirs:
                    await _add(theirs, "u2b")
                assert await _texts(other) == "u1 a1 u2b"
                await _add(tried, "a2")
        assert await _texts(session) == "u1 a1 u2b"
        await session.choose((await session.siblings(2))[0])
        assert await _texts(session) == "u1 a1 u2 a2"

    async def test_an_attempt_that_is_chosen_while_it_runs_goes_on(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        """Fails without: log/history/siblings.py, `own` in `_move_to` (the row would be gone) or `RAISE_FLOOR`."""
        other = make(session.session_id)
        await _add(session, "u1 a1 u2 a2")
        with pytest.raises(ConflictError):
            async with session.attempt(2) as tried:
                await _add(tried, "u2b x")
                await other.choose((await other.siblings(2))[1])
                assert await tried.pop_item() == item("x")
                await _add(tried, "a2b")
                assert await _texts(tried) == "u1 a1 u2b a2b"
                assert await _texts(other) == "u1 a1 u2b x"
        assert await _texts(session) == "u1 a1 u2b x"
        assert await _numbers(session, 2) == [False, True, False]

    async def test_an_attempt_follows_its_branchs_name(self, make: MakeLogSession, session: LogSession) -> None:
        await _add(session, "u1 a1")
        await session.branches.create("b", switch=True)
        async with session.attempt(1) as tried:
            await _add(tried, "u1b")
            await make(session.session_id).branches.rename("b", "c")
        assert await _texts(session) == "u1b"
        assert [branch.name for branch in await session.branches.list() if branch.current] == ["c"]

    @pytest.mark.parametrize("how", ENDINGS)
    async def test_an_attempt_goes_with_its_branch(
        self, make: MakeLogSession, session: LogSession, count_entries: CountEntries | None, how: str
    ) -> None:
        """Fails without: log/history/branches.py, the loop over `going` in `delete_branch`."""
        await _add(session, "u1 a1")
        await session.branches.create("other", switch=True)
        calls = [{"type": "function_call", "call_id": f"{n}", "name": "look", "arguments": "{}"} for n in range(2)]
        output = {"type": "function_call_output", "call_id": "1", "output": "."}
        with pytest.raises(ConflictError, match="this attempt has ended"):
            async with session.attempt(1) as tried:
                await tried.add_items([item("u1b"), calls[0], item("u2b"), calls[1], output])
                await tried.repair(apply=True)
                await ENDINGS[how](make(session.session_id))
                with pytest.raises(ConflictError, match="this attempt has ended"):
                    await _add(tried, "late")
        expected = "u1 a1" if how == "deleted" else ""
        assert await _texts(make(session.session_id)) == expected
        assert count_entries is None or await count_entries(session.session_id) == len(expected.split())

    @pytest.mark.parametrize("change", NOT_IN_AN_ATTEMPT)
    async def test_what_an_attempts_session_cannot_do(self, session: LogSession, change: str) -> None:
        await _add(session, "u1 a1 u2 a2")
        await session.branches.create("other")
        async with session.attempt(2) as tried:
            await _add(tried, "u2b")
            version = await session.version()
            with pytest.raises(InAttemptError, match=f"{session.session_id}.*Nothing was changed") as caught:
                await NOT_IN_AN_ATTEMPT[change](tried)
            assert isinstance(caught.value, ValueError)
            with pytest.raises(InAttemptError):
                await tried.choose((await tried.siblings(2))[0])
            assert await session.version() == version
            for name in ("main", "other"):
                with pytest.raises(InAttemptError, match="Nothing was changed"):
                    tried.on_branch(name)
        assert await _texts(session) == "u1 a1 u2b"

    # --- Leases -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_inside_a_lease(self, make: MakeLogSession, session: LogSession, *, exclusive: bool) -> None:
        await _add(session, "u1 a1")
        async with session.lease(exclusive=exclusive) as leased:
            async with leased.attempt(1) as tried:
                assert tried.held == leased.held
                await _add(tried, "u1b")
            await _fail(leased, "u1c", turn=1, on_failure="drop")
            assert await _texts(make(session.session_id)) == "u1b"
            await _add(leased, "a1b")
            if exclusive:
                with pytest.raises(SessionBusyError):
                    await make(session.session_id).attempt(1).__aenter__()
        assert await _texts(session) == "u1b a1b"

    @pytest.mark.parametrize("then", ["taken", "changed"])
    async def test_a_lease_that_is_lost_fences_the_attempt(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, then: str
    ) -> None:
        """Fails without: log/core/locking.py, `check_held` in `bump_version`."""
        other = make(session.session_id)
        await _add(session, "u1 a1")
        async with AsyncExitStack() as stack:
            leased = await stack.enter_async_context(session.lease(ttl=TTL))
            with pytest.raises(LeaseLostError):
                async with leased.attempt(1) as tried:
                    await _add(tried, "u1b")
                    time.move(TTL)
                    if then == "taken":
                        await stack.enter_async_context(other.lease(ttl=TTL, on_busy="reject"))
                    else:
                        await _add(other, "u2")
                    before = await other.version()
                    for change in (partial(_add, tried, "late"), tried.pop_item, partial(tried.handover, "b")):
                        with pytest.raises(LeaseLostError):
                            await change()
                    with pytest.raises(LeaseLostError):
                        await tried.add_items([item("late")], idempotency_key="late")
                    assert await other.version() == before
            assert await _texts(other) == ("u1 a1" if then == "taken" else "u1 a1 u2")
            assert await _numbers(other, 1) == [True, False]

    async def test_an_exclusive_lease_that_another_took_keeps_the_branch(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        await _add(session, "u1 a1")
        async with AsyncExitStack() as stack:
            with pytest.raises(SessionBusyError):
                async with session.attempt(1) as tried:
                    await stack.enter_async_context(make(session.session_id).lease(exclusive=True))
                    await _add(tried, "u1b")
        assert await _texts(session) == "u1 a1"
        assert await _numbers(session, 1) == [True, False]

    # --- Cancellation -----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_a_cancelled_attempt_has_happened_wholly_or_not_at_all(
        self, make: MakeLogSession, on_failure: OnFailure
    ) -> None:
        """Cancelled twice, after any number of steps."""
        own, outcomes, late = f"{uuid4()}", [], 0

        async def run(session: LogSession) -> None:
            async with session.attempt(1, on_failure=on_failure) as tried:
                await _add(tried, "u1b")
                await _add(tried, "a1b")

        for steps in range(80):
            if late == 3:
                break
            session = make(f"{steps} {own}")
            await _add(session, "u1 a1")
            task = asyncio.ensure_future(run(session))
            for _ in range(steps):
                await asyncio.sleep(0)
            late = late + 1 if task.done() else 0
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            fresh = make(f"{steps} {own}")
            outcome = await _texts(fresh), len(await fresh.siblings(1))
            kept = {("u1 a1", 1), ("u1 a1", 2)} if on_failure == "keep" else {("u1 a1", 1)}
            # The block may have ended before: a late cancellation does not drop its items.
            assert outcome in kept | {("u1 a1", 2), ("u1b a1b", 2)}
            assert [branch.name for branch in await fresh.branches.list()] == ["main"]
            await _add(fresh, "u2")
            outcomes.append(outcome)
        assert outcomes[0] == ("u1 a1", 1)

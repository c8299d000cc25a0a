"""The contract for leases, as tests to run on your own store.

As `sessions.testing.HistoryContract`, for holders of branches, excluded callers, and late holders.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sessions.clock import now
from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    ConflictError,
    LeaseLostError,
    SessionBusyError,
    UnknownBranchError,
)
from sessions.log.leases import TICKET_LIFE, Refused, TakeLease, Taken, give_up
from sessions.log.lifetime.erase import erase
from sessions.log.lifetime.remove import delete
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

    Remove = Callable[..., object]

TTL = 60.0
INTERRUPTED = "The call was interrupted; no output was recorded."
_CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "."}


def _user(text: object) -> dict[str, str]:
    return {"role": "user", "content": str(text)}


async def _texts(session: LogSession) -> str:
    return " ".join(item.get("content", "call") for item in await session.get_items())


async def _summarise(items: list[Any]) -> str:
    return f"{len(items)} items"


def _changes(session: LogSession) -> list[Callable[[], Awaitable[Any]]]:
    """Return all ways to change a session's branch, which holds three turns and has undone one."""
    return [
        lambda: session.add_items([_user("late")]),
        lambda: session.add_items([_user("late")], idempotency_key="late"),
        session.pop_item,
        session.undo,
        session.redo,
        lambda: session.repair(apply=True),
        lambda: session.compact(_summarise, keep_turns=0),
        lambda: session.handover("billing"),
        session.clear_session,
    ]


_READ_FIRST = (5, 6)
"""Which of them read first, and change what they find: repair and compaction."""


async def _fill(session: LogSession) -> None:
    # A summary ends before a call that may still be answered, so something stands before that.
    await session.add_items([_user(0), {"role": "assistant", "content": "0"}])
    await session.add_items([_user(1), _CALL])
    await session.add_items([_user(2)])
    await session.add_items([_user(3)])
    await session.undo()


async def _remove(session: LogSession, remove: Remove) -> None:
    """Remove a session with all that is known of it, as its store does."""
    handle = session._handle  # noqa: SLF001 - the store is not known here
    await handle.write(lambda tx: remove(tx, session.session_id, handle.conversation.elsewhere))


async def _all_are_refused(leased: LogSession, *, but_readers: bool = False) -> None:
    """Check that every change under a lease that was lost is refused, but those that find nothing to change."""
    for number, change in enumerate(_changes(leased)):
        if number not in _READ_FIRST or not but_readers:
            with pytest.raises(LeaseLostError):
                await change()


class LeaseContract(SessionAndClock):
    """The promises of a session over the log about leases. Give it the fixture `make`, as `SessionContract`."""

    # --- A leased session is a session ------------------------------------------------------------------------------

    async def test_a_leased_session_is_a_session(self, make: MakeLogSession, session: LogSession) -> None:
        assert session.held is None
        async with session.lease(holder="billing") as leased:
            assert type(leased) is type(session)
            assert leased.session_id == session.session_id
            assert leased.held is not None
            assert (leased.held.branch, leased.held.holder, leased.held.lost) == ("main", "billing", False)
            await leased.add_items([_user(1)])
            await leased.as_author("a").add_items([_user(2)])
            assert await leased.pop_item() == _user(2)
            assert await _texts(make(session.session_id)) == "1"
        assert await _texts(session) == "1"

    @pytest.mark.parametrize("before", ["nothing", "items", "undone", "cleared"])
    async def test_a_lease_can_begin_anywhere(self, session: LogSession, before: str) -> None:
        if before != "nothing":
            await _fill(session)
        if before == "items":
            await session.redo()
        if before == "cleared":
            await session.clear_session()
        there = await session.get_items()
        for number in range(2):
            async with session.lease() as leased:
                await leased.add_items([_user(number)])
        assert await session.get_items() == [*there, _user(0), _user(1)]

    async def test_taking_and_giving_back_are_no_changes(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        version = await session.version()
        async with session.lease() as leased:
            await leased.add_items([_user(2)], expected_version=version)
            with pytest.raises(ConflictError):
                await leased.add_items([_user(3)], expected_version=version)
        assert await session.version() == version + 1

    async def test_numbers_rise_also_through_clearing(self, session: LogSession) -> None:
        tokens = []
        for change in (session.get_items, session.clear_session, session.get_items):
            async with session.lease() as leased:
                assert leased.held is not None
                tokens.append(leased.held.token)
            await change()
        assert tokens == sorted(set(tokens))

    @pytest.mark.parametrize("before", ["nothing", "items"])
    @pytest.mark.parametrize("remove", [delete, erase])
    async def test_numbers_rise_also_through_removing(self, session: LogSession, remove: Remove, before: str) -> None:
        """Fails without: log/statements/leases.py, where the first number is made."""
        tokens = []
        for _ in range(3):
            if before == "items":
                await session.add_items([_user(1)])
            for _ in range(2):
                async with session.lease() as leased:
                    assert leased.held is not None
                    tokens.append(leased.held.token)
            await _remove(session, remove)
        assert tokens == sorted(set(tokens))

    async def test_a_lease_stays_on_its_branch(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        await session.branches.create("b")
        async with session.lease() as leased:
            await session.branches.switch("b")
            await leased.add_items([_user(2)])
            assert await _texts(leased) == "1 2"
            # Another branch has another lease.
            async with session.lease(on_busy="reject") as other:
                assert other.held is not None
                assert other.held.branch == "b"
                await other.add_items([_user(3)])
            async with session.on_branch("b").lease(on_busy="reject") as other:
                await other.add_items([_user(4)])
        assert await _texts(session) == "1 3 4"
        with pytest.raises(UnknownBranchError):
            await session.on_branch("c").lease().__aenter__()

    # --- Callers during a lease ----------------------------------------------------------------------------------

    async def test_reject_raises_at_once_and_says_whom(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        async with session.lease(holder="billing", ttl=TTL):
            with pytest.raises(SessionBusyError, match=r"main.*'billing'") as caught:
                await make(session.session_id).lease(on_busy="reject").__aenter__()
            assert caught.value.holder == "billing"
            assert caught.value.until == datetime.fromtimestamp(time.seconds + TTL, UTC)
        async with session.lease(on_busy="reject"):
            pass

    async def test_waiting_is_bounded(self, session: LogSession) -> None:
        async with session.lease(holder="billing"):
            for timeout in (0, 0.05):
                with pytest.raises(SessionBusyError, match="billing"):
                    await session.lease(timeout=timeout).__aenter__()
        # A caller that waited in vain blocks no other.
        async with session.lease(on_busy="reject"):
            pass

    async def test_whoever_is_cancelled_while_waiting_is_not_waited_for(self, session: LogSession) -> None:
        async with session.lease():
            waiting = asyncio.ensure_future(session.lease().__aenter__())
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
        async with session.lease(on_busy="reject"):
            pass

    async def test_leases_follow_one_another(self, make: MakeLogSession) -> None:
        async def work(name: str) -> None:
            for number in range(3):
                async with make("followed").lease(holder=name, timeout=120) as leased:
                    await leased.add_items([_user(f"{name} {number}")])
                    await asyncio.sleep(0)
                    for part in range(3):
                        await leased.add_items([{"role": "assistant", "content": f"{name} {number} {part}"}])

        await asyncio.gather(*map(work, "abcd"))
        items = await make("followed").get_items()
        for start in range(0, len(items), 4):
            question, *parts = (item["content"] for item in items[start : start + 4])
            assert parts == [f"{question} {part}" for part in range(3)]
        assert len(items) == 4 * 3 * 4

    async def test_waiting_is_fair(self, session: LogSession, time: MovableClock) -> None:
        async def ask(claim: str, otherwise: str = "wait") -> Taken | Refused:
            handle = session._handle  # noqa: SLF001 - the order of asking is to be this one
            asked = TakeLease(
                handle.conversation, None, claim, claim, is_open=True,
                now=handle.conversation.now, ttl=1_000_000, otherwise=otherwise,
            )  # fmt: skip
            return await handle.write(asked)

        async def leave(claim: str) -> None:
            await session._handle.write(lambda tx: give_up(tx, session.session_id, claim))  # noqa: SLF001

        assert isinstance(await ask("a"), Taken)
        for claim in "bcd":
            assert isinstance(await ask(claim), Refused)
        await leave("a")
        for claim in "cd":
            assert isinstance(await ask(claim), Refused)
        refused = await ask("e", "reject")
        assert isinstance(refused, Refused)
        assert refused.lease.token == 0
        # A retry after a lost answer has it already.
        assert await ask("b") == await ask("b")
        await leave("b")
        await leave("c")
        assert isinstance(await ask("d"), Taken)
        await leave("d")
        # No caller waits behind a dead process.
        assert isinstance(await ask("f"), Taken)
        for claim in "gh":
            assert isinstance(await ask(claim), Refused)
        await leave("f")
        time.move(TICKET_LIFE / 1_000_000 / 2)
        assert isinstance(await ask("h"), Refused)
        time.move(TICKET_LIFE / 1_000_000 / 2)
        assert isinstance(await ask("h"), Taken)

    async def test_fork_makes_a_branch_of_what_was_there_before_the_others_lease(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        async with AsyncExitStack() as stack:
            leased = await stack.enter_async_context(session.lease())
            await leased.add_items([_user(2), _CALL])
            forks = [await stack.enter_async_context(session.lease(on_busy="fork")) for _ in range(2)]
            for number, fork in enumerate(forks, 3):
                await fork.add_items([_user(number)])
            await leased.add_items([_user("end")])
        assert [await _texts(fork) for fork in forks] == ["1 3", "1 4"]
        assert await _texts(session) == "1 2 call end"
        branches = [branch.name for branch in await session.branches.list()]
        leases = [fork.held for fork in forks]
        assert branches == ["main", *(lease.branch for lease in leases if lease)]
        # It is free: no fork.
        async with session.lease(on_busy="fork") as leased:
            assert leased.held is not None
            assert leased.held.branch == "main"

    async def test_a_fork_whose_answer_was_lost_is_the_same_fork(self, session: LogSession) -> None:
        """Fails without: log/leases.py, `statements.CLAIMED`."""
        handle = session._handle  # noqa: SLF001 - a store repeats the operation.
        async with session.lease():
            taking = TakeLease(
                handle.conversation, None, "claim", None, is_open=True, now=now(), ttl=1, otherwise="fork"
            )
            first = await handle.write(taking)
            assert await handle.write(taking) == first
        assert len(await session.branches.list()) == 2

    async def test_a_fork_has_a_name_that_is_free(self, session: LogSession) -> None:
        """Fails without: log/leases.py, the loop in `_fork`: the lease would be held on another caller's branch."""
        names = [f"fork-{number}" for number in range(1, 9)]
        for name in names:
            await session.branches.create(name)
            await session.on_branch(name).add_items([_user(name)])
        async with session.lease(), session.lease(on_busy="fork") as fork:
            await fork.add_items([_user("fork")])
            assert await _texts(fork) == "fork"
            assert fork.held is not None
            assert fork.held.branch not in names
            assert len(fork.held.branch) < len("fork-1234")
        assert [await _texts(session.on_branch(name)) for name in names] == names

    @pytest.mark.parametrize("back", ["pop", "undo", "choose"])
    async def test_a_fork_has_nothing_of_a_lease_that_went_back_first(self, session: LogSession, back: str) -> None:
        """Fails without: log/statements/branches.py, `lease_from` in MOVE_TIP; for a sibling, in MOVE_TO_TIP."""
        await session.add_items([_user(1)])
        await session.undo()
        await session.add_items([_user(2), _CALL, {"role": "assistant", "content": "4"}])
        async with session.lease() as leased:
            if back == "pop":
                await leased.pop_item()
            elif back == "undo":
                await leased.undo()
            else:
                await leased.choose((await leased.siblings())[0])
            await leased.add_items([_user(number) for number in range(5, 10)])
            async with session.lease(on_busy="fork") as fork:
                assert await _texts(fork) == {"pop": "2 call", "undo": "", "choose": "1"}[back]

    async def test_others_may_change_the_branch_unless_they_are_kept_out(self, session: LogSession) -> None:
        await _fill(session)
        async with session.lease() as leased:
            await session.add_items([_user("note")])
            await leased.add_items([_user("turn")])
        assert await _texts(session) == "0 0 1 call 2 note turn"

    @pytest.mark.parametrize("change", range(9))
    async def test_whoever_is_kept_out_changes_nothing(
        self, make: MakeLogSession, session: LogSession, change: int
    ) -> None:
        await _fill(session)
        before = await session.version(), await session.entries()
        other = make(session.session_id)
        async with session.lease(holder="billing", exclusive=True) as leased:
            with pytest.raises(SessionBusyError, match="billing"):
                await _changes(other)[change]()
            assert (await session.version(), await session.entries()) == before
            # Its holder may.
            await _changes(leased)[change]()
        await other.add_items([_user("after")])
        assert (await other.get_items())[-1] == _user("after")

    async def test_what_is_no_change_of_the_branch(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        await session.branches.create("there")
        async with session.lease(exclusive=True) as leased:
            await session.branches.create("b")
            await session.on_branch("b").add_items([_user(2)])
            await session.branches.switch("b")
            await session.branches.switch("main")
            await leased.add_items([_user(3)])
        async with session.on_branch("b").lease(exclusive=True):
            changes: list[Callable[[], Awaitable[None]]] = [
                lambda: session.branches.delete("b"),
                lambda: session.branches.rename("b", "c"),
                session.clear_session,
            ]
            for change in changes:
                with pytest.raises(SessionBusyError):
                    await change()
            await session.branches.delete("there")
            with pytest.raises(BranchExistsError):
                await session.branches.create("b")
        await session.branches.delete("b")
        assert await _texts(session) == "1 3"

    @pytest.mark.parametrize("key", [None, "k"])
    async def test_whoever_is_kept_out_is_told_that_and_not_what_changed_meanwhile(
        self, make: MakeLogSession, session: LogSession, key: str | None
    ) -> None:
        """Fails without: log/append.py, `guard_branch` before the version is compared."""
        await session.add_items([_user(1)])
        version = await session.version()
        other = make(session.session_id)
        async with session.lease(holder="billing", exclusive=True) as leased:
            await leased.add_items([_user(2)])
            with pytest.raises(SessionBusyError, match="billing"):
                await other.add_items([_user(3)], expected_version=version, idempotency_key=key)
        with pytest.raises(ConflictError):
            await other.add_items([_user(3)], expected_version=version, idempotency_key=key)
        async with session.lease() as leased:
            with pytest.raises(ConflictError):
                await other.add_items([_user(3)], expected_version=version, idempotency_key=key)
        with pytest.raises(LeaseLostError):
            await leased.add_items([_user(3)], expected_version=version, idempotency_key=key)
        assert await _texts(session) == "1 2"

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_a_branch_keeps_its_name_while_it_is_held(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, *, exclusive: bool
    ) -> None:
        """Fails without: log/history/branches.py, `alone=True` in `rename_branch`, and its error for the holder."""
        await session.add_items([_user(1)])
        await session.branches.create("b")
        others = make(session.session_id).branches
        async with session.on_branch("b").lease(holder="billing", ttl=TTL, exclusive=exclusive) as leased:
            before = await session.version()
            with pytest.raises(SessionBusyError, match="billing"):
                await others.rename("b", "c")
            with pytest.raises(BranchInUseError, match="lease"):
                await leased.branches.rename("b", "c")
            assert await session.version() == before
            await leased.add_items([_user(2)])
            time.move(TTL)
            await others.rename("b", "c")
            await session.branches.create("b")
            before = await session.version()
            await _all_are_refused(leased, but_readers=True)
            assert await session.version() == before
        await others.rename("c", "d")
        assert await _texts(session.on_branch("d")) == "1 2"

    async def test_a_lease_may_rename_and_delete_other_branches(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        """Fails without: log/core/fencing.py, in `check_any_branch` `lease=None`, and `check_held`."""
        await session.add_items([_user(1)])
        for name in ("b", "c", "held"):
            await session.branches.create(name)
        other = make(session.session_id)
        async with session.lease(ttl=TTL) as leased, other.on_branch("held").lease(ttl=TTL, exclusive=True):
            await leased.branches.rename("b", "d")
            await leased.branches.delete("d")
            for change in (leased.branches.rename("held", "d"), leased.branches.delete("held")):
                with pytest.raises(SessionBusyError):
                    await change
            time.move(TTL)
            await other.add_items([_user(2)])
            before = await session.version()
            for change in (leased.branches.rename("c", "d"), leased.branches.delete("c")):
                with pytest.raises(LeaseLostError):
                    await change
            assert await session.version() == before

    # --- Repair in the midst of a lease --------------------------------------------------------------------------

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_whoever_reads_does_not_repair_what_is_in_the_making(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, *, exclusive: bool
    ) -> None:
        """Fails without: session/windows.py, `alone=True` in `_repair_last_turn`."""
        reader = make(session.session_id, session_settings={"repair": True})
        async with session.lease(ttl=TTL, exclusive=exclusive) as leased:
            await leased.add_items([_user(1), _CALL])
            before = await session.version(), await session.entries()
            assert await reader.get_items() == [_user(1), _CALL]
            assert (await session.version(), await session.entries()) == before
            await leased.add_items([_OUTPUT, _CALL])
            # Without a holder, it counts as left by a crash.
            time.move(TTL)
            assert (await reader.get_items())[-2:] == [_CALL, _OUTPUT | {"output": INTERRUPTED}]
            with pytest.raises(LeaseLostError):
                await leased.add_items([_OUTPUT])

    async def test_whoever_holds_a_lease_repairs_what_is_there(self, make: MakeLogSession, session: LogSession) -> None:
        await session.add_items([_user(1), _CALL])
        resumed = make(session.session_id, session_settings={"repair": True})
        async with resumed.lease() as leased:
            assert (await leased.get_items())[2:] == [_OUTPUT | {"output": INTERRUPTED}]
            await leased.add_items([_user(2), _CALL])
            # An explicit request is refused only by an exclusive lease.
            assert (await session.repair(apply=True)).repaired

    async def test_leased_and_other_appends_at_once(self, make: MakeLogSession, session: LogSession) -> None:
        await session.add_items([_user("first")])
        async with session.lease(exclusive=True) as leased:
            results = await asyncio.gather(
                *(
                    each.add_items([_user(f"{name} {number}")])
                    for number in range(8)
                    for name, each in (("leased", leased), ("other", make(session.session_id)))
                ),
                return_exceptions=True,
            )
        assert [type(result) for result in results] == [type(None), SessionBusyError] * 8
        assert sorted(item["content"] for item in await session.get_items()) == sorted(
            ["first", *(f"leased {number}" for number in range(8))]
        )

    # --- Lost leases ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("change", range(9))
    @pytest.mark.parametrize("then", ["taken", "taken and given back", "changed", "given back"])
    async def test_whoever_lost_the_lease_writes_nothing(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, then: str, change: int
    ) -> None:
        await _fill(session)
        other = make(session.session_id)
        async with AsyncExitStack() as stack:
            leased = await stack.enter_async_context(session.lease(ttl=TTL))
            if then == "given back":
                await stack.aclose()
            time.move(TTL)
            if then == "changed":
                await other.add_items([_user("theirs")])
                await other.undo()
            elif then != "given back":
                theirs = await stack.enter_async_context(other.lease(ttl=TTL, on_busy="reject"))
                assert theirs.held is not None
                assert leased.held is not None
                assert theirs.held.token > leased.held.token
                if then == "taken and given back":
                    await stack.pop_all().aclose()
            before = await other.version(), await other.entries()
            with pytest.raises(LeaseLostError, match=r"main.*Nothing was changed"):
                await _changes(leased)[change]()
            assert (await other.version(), await other.entries()) == before

    @pytest.mark.parametrize("before", ["nothing", "items"])
    @pytest.mark.parametrize("remove", [delete, erase])
    async def test_a_lease_of_a_session_that_was_removed_changes_no_new_one(
        self, make: MakeLogSession, session: LogSession, remove: Remove, before: str
    ) -> None:
        """Fails without: log/statements/leases.py, where the first number is made."""
        other = make(session.session_id)
        if before == "items":
            await _fill(session)
        async with AsyncExitStack() as late, AsyncExitStack() as stack:
            leased = await late.enter_async_context(session.lease())
            await _remove(other, remove)
            if before == "items":
                await _fill(other)
            theirs = await stack.enter_async_context(other.lease(holder="billing"))
            if before == "nothing":
                await _fill(theirs)
            found = await other.version(), await other.entries()
            await _all_are_refused(leased)
            await late.aclose()
            assert (await other.version(), await other.entries()) == found
            with pytest.raises(SessionBusyError, match="billing"):
                await session.lease(on_busy="reject").__aenter__()
            await theirs.add_items([_user("still theirs")])

    async def test_a_lease_of_a_session_that_was_removed_makes_no_new_one(self, session: LogSession) -> None:
        """Fails without: log/core/fencing.py, `check_held`, and its callers."""
        await _fill(session)
        async with session.lease() as leased:
            await _remove(session, delete)
            await _all_are_refused(leased, but_readers=True)
            for key in (None, "k"):
                with pytest.raises(LeaseLostError):
                    await leased.add_items([_user("late")], expected_version=7, idempotency_key=key)
            assert await leased.get_items() == []
        assert await session.version() == 0

    @pytest.mark.parametrize("anew", [False, True])
    async def test_a_lease_on_a_branch_that_was_deleted(
        self, make: MakeLogSession, session: LogSession, *, anew: bool
    ) -> None:
        """Fails without: log/core/changing.py, `check_held` in `lock_head`."""
        await _fill(session)
        await session.branches.create("b")
        other = make(session.session_id)
        async with session.on_branch("b").lease() as leased:
            await leased.add_items([_user("turn")])
            await other.branches.delete("b")
            if anew:
                await other.branches.create("b")
            before = await other.version(), await other.entries()
            await _all_are_refused(leased, but_readers=not anew)
            if not anew:
                # Reads, and operations that read first, find no such branch.
                for read in (leased.get_items, lambda: leased.repair(apply=True)):
                    with pytest.raises(UnknownBranchError):
                        await read()
            assert (await other.version(), await other.entries()) == before

    async def test_whoever_is_late_but_alone_goes_on(self, session: LogSession, time: MovableClock) -> None:
        async with session.lease(ttl=TTL) as leased:
            time.move(10 * TTL)
            await leased.add_items([_user(1)])
            await leased.undo()
            await leased.redo()
        assert await _texts(session) == "1"

    async def test_a_lease_that_was_ended_is_over_by_every_clock(self, session: LogSession, time: MovableClock) -> None:
        await session.add_items([_user(0)])
        async with session.lease(ttl=TTL):
            time.move(TTL + 5)
            await asyncio.gather(*(session.add_items([_user(number)]) for number in range(3)))
            time.move(-10)
            async with session.lease(ttl=TTL, on_busy="reject") as leased:
                await leased.add_items([_user("turn")])
        assert (await session.get_items())[-1] == _user("turn")

    async def test_whoever_lost_it_gives_nothing_back(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        async with AsyncExitStack() as late, AsyncExitStack() as stack:
            await late.enter_async_context(session.lease(ttl=TTL))
            time.move(TTL)
            theirs = await stack.enter_async_context(make(session.session_id).lease(ttl=TTL, on_busy="reject"))
            await late.aclose()
            with pytest.raises(SessionBusyError):
                await session.lease(on_busy="reject").__aenter__()
            await theirs.add_items([_user(1)])

    async def test_a_retry_of_what_was_added_in_time_is_no_change(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        async with session.lease(ttl=TTL) as leased:
            await leased.add_items([_user(1)], idempotency_key="k")
            time.move(TTL)
            async with make(session.session_id).lease(on_busy="reject"):
                await leased.add_items([_user(1)], idempotency_key="k")
        assert await _texts(session) == "1"

    async def test_clearing_under_a_lease_keeps_the_lease(self, session: LogSession) -> None:
        await _fill(session)
        async with session.lease(exclusive=True) as leased:
            await leased.clear_session()
            with pytest.raises(SessionBusyError):
                await session.add_items([_user("other")])
            await leased.add_items([_user("new")])
        await session.branches.create("b")
        async with session.on_branch("b").lease() as leased:
            await leased.clear_session()
            with pytest.raises(LeaseLostError):
                await leased.add_items([_user("gone")])
        assert await session.get_items() == []

    async def test_a_lease_that_is_renewed_is_not_lost(self, make: MakeLogSession, session: LogSession) -> None:
        async with session.lease(ttl=0.6, exclusive=True) as leased:
            await asyncio.sleep(1.3)
            if leased.held is not None and not leased.held.lost:
                await leased.add_items([_user(1)])
                assert await _texts(make(session.session_id)) == "1"

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"holder": ""}, ValueError),
            ({"holder": 7}, TypeError),
            ({"ttl": 0}, ValueError),
            ({"ttl": "1"}, TypeError),
            ({"timeout": -1}, ValueError),
            ({"timeout": None}, TypeError),
            ({"on_busy": "steal"}, ValueError),
            ({"exclusive": "reject"}, TypeError),
        ],
    )
    async def test_refuses_what_is_out_of_range(
        self, session: LogSession, options: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error, match=next(iter(options))):
            session.lease(**options)
        async with session.lease() as leased:
            with pytest.raises(ValueError, match="already holds a lease"):
                leased.lease()

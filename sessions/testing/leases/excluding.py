"""Leases: callers that come while another one holds the branch."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sessions.clock import now
from sessions.errors import (
    BranchExistsError,
    BranchInUseError,
    ConflictError,
    LeaseLostError,
    SessionBusyError,
)
from sessions.log.leases import TICKET_LIFE, Refused, TakeLease, Taken, give_up
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

    Remove = Callable[..., object]

from sessions.testing.leases.shared import CALL, TTL, all_are_refused, changes_of, fill, texts, user


class Excluding(SessionAndClock):
    """Leases: callers that come while another one holds the branch."""

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
                    await leased.add_items([user(f"{name} {number}")])
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
        await session.add_items([user(1)])
        async with AsyncExitStack() as stack:
            leased = await stack.enter_async_context(session.lease())
            await leased.add_items([user(2), CALL])
            forks = [await stack.enter_async_context(session.lease(on_busy="fork")) for _ in range(2)]
            for number, fork in enumerate(forks, 3):
                await fork.add_items([user(number)])
            await leased.add_items([user("end")])
        assert [await texts(fork) for fork in forks] == ["1 3", "1 4"]
        assert await texts(session) == "1 2 call end"
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
            await session.on_branch(name).add_items([user(name)])
        async with session.lease(), session.lease(on_busy="fork") as fork:
            await fork.add_items([user("fork")])
            assert await texts(fork) == "fork"
            assert fork.held is not None
            assert fork.held.branch not in names
            assert len(fork.held.branch) < len("fork-1234")
        assert [await texts(session.on_branch(name)) for name in names] == names

    @pytest.mark.parametrize("back", ["pop", "undo", "choose"])
    async def test_a_fork_has_nothing_of_a_lease_that_went_back_first(self, session: LogSession, back: str) -> None:
        """Fails without: log/statements/branches.py, `lease_from` in MOVE_TIP; for a sibling, in MOVE_TO_TIP."""
        await session.add_items([user(1)])
        await session.undo()
        await session.add_items([user(2), CALL, {"role": "assistant", "content": "4"}])
        async with session.lease() as leased:
            if back == "pop":
                await leased.pop_item()
            elif back == "undo":
                await leased.undo()
            else:
                await leased.choose((await leased.siblings())[0])
            await leased.add_items([user(number) for number in range(5, 10)])
            async with session.lease(on_busy="fork") as fork:
                assert await texts(fork) == {"pop": "2 call", "undo": "", "choose": "1"}[back]

    async def test_others_may_change_the_branch_unless_they_are_kept_out(self, session: LogSession) -> None:
        await fill(session)
        async with session.lease() as leased:
            await session.add_items([user("note")])
            await leased.add_items([user("turn")])
        assert await texts(session) == "0 0 1 call 2 note turn"

    @pytest.mark.parametrize("change", range(9))
    async def test_whoever_is_kept_out_changes_nothing(
        self, make: MakeLogSession, session: LogSession, change: int
    ) -> None:
        await fill(session)
        before = await session.version(), await session.entries()
        other = make(session.session_id)
        async with session.lease(holder="billing", exclusive=True) as leased:
            with pytest.raises(SessionBusyError, match="billing"):
                await changes_of(other)[change]()
            assert (await session.version(), await session.entries()) == before
            # Its holder may.
            await changes_of(leased)[change]()
        await other.add_items([user("after")])
        assert (await other.get_items())[-1] == user("after")

    async def test_what_is_no_change_of_the_branch(self, session: LogSession) -> None:
        await session.add_items([user(1)])
        await session.branches.create("there")
        async with session.lease(exclusive=True) as leased:
            await session.branches.create("b")
            await session.on_branch("b").add_items([user(2)])
            await session.branches.switch("b")
            await session.branches.switch("main")
            await leased.add_items([user(3)])
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
        assert await texts(session) == "1 3"

    @pytest.mark.parametrize("key", [None, "k"])
    async def test_whoever_is_kept_out_is_told_that_and_not_what_changed_meanwhile(
        self, make: MakeLogSession, session: LogSession, key: str | None
    ) -> None:
        """Fails without: log/append.py, `guard_branch` before the version is compared."""
        await session.add_items([user(1)])
        version = await session.version()
        other = make(session.session_id)
        async with session.lease(holder="billing", exclusive=True) as leased:
            await leased.add_items([user(2)])
            with pytest.raises(SessionBusyError, match="billing"):
                await other.add_items([user(3)], expected_version=version, idempotency_key=key)
        with pytest.raises(ConflictError):
            await other.add_items([user(3)], expected_version=version, idempotency_key=key)
        async with session.lease() as leased:
            with pytest.raises(ConflictError):
                await other.add_items([user(3)], expected_version=version, idempotency_key=key)
        with pytest.raises(LeaseLostError):
            await leased.add_items([user(3)], expected_version=version, idempotency_key=key)
        assert await texts(session) == "1 2"

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_a_branch_keeps_its_name_while_it_is_held(
        self, make: MakeLogSession, session: LogSession, time: MovableClock, *, exclusive: bool
    ) -> None:
        """Fails without: log/history/branches.py, `alone=True` in `rename_branch`, and its error for the holder."""
        await session.add_items([user(1)])
        await session.branches.create("b")
        others = make(session.session_id).branches
        async with session.on_branch("b").lease(holder="billing", ttl=TTL, exclusive=exclusive) as leased:
            before = await session.version()
            with pytest.raises(SessionBusyError, match="billing"):
                await others.rename("b", "c")
            with pytest.raises(BranchInUseError, match="lease"):
                await leased.branches.rename("b", "c")
            assert await session.version() == before
            await leased.add_items([user(2)])
            time.move(TTL)
            await others.rename("b", "c")
            await session.branches.create("b")
            before = await session.version()
            await all_are_refused(leased, but_readers=True)
            assert await session.version() == before
        await others.rename("c", "d")
        assert await texts(session.on_branch("d")) == "1 2"

    async def test_a_lease_may_rename_and_delete_other_branches(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        """Fails without: log/core/fencing.py, in `check_any_branch` `lease=None`, and `check_held`."""
        await session.add_items([user(1)])
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
            await other.add_items([user(2)])
            before = await session.version()
            for change in (leased.branches.rename("c", "d"), leased.branches.delete("c")):
                with pytest.raises(LeaseLostError):
                    await change
            assert await session.version() == before

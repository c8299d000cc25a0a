"""Corrections that are refused: by leases, attempts, owners, and arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.errors import (
    InAttemptError,
    InvalidItemError,
    LeaseLostError,
    OwnerError,
    SessionBusyError,
    UnknownBranchError,
    UnknownEntryError,
)
from sessions.testing.corrections.shared import SECRET, CorrectionFixtures, contents, holding, said, stored, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.testing.expiry_model import MovableClock

HOW: Final[dict[str, Callable[..., Any]]] = {
    "redact": lambda session, **options: session.redact(2, **options),
    "remove": lambda session, **options: session.remove(2, **options),
}
BAD: Final[list[tuple[dict[str, Any], type[Exception]]]] = [
    ({}, TypeError),
    ({"position": 1, "id": "e1-1-1"}, TypeError),
    ({"id": "e1-1-1", "key": "k"}, TypeError),
    ({"position": "1"}, TypeError),
    ({"position": 0}, ValueError),
    ({"id": 1}, TypeError),
    ({"id": "1"}, UnknownEntryError),
    ({"id": "e1-1-1"}, UnknownEntryError),
    ({"key": ""}, ValueError),
    ({"key": "unknown"}, UnknownEntryError),
    ({"position": 9}, UnknownEntryError),
    ({"position": 1, "summaries": "keep"}, ValueError),
]
"""Arguments that both refuse."""


class Guarding(CorrectionFixtures):
    """Corrections that are refused."""

    @pytest.mark.parametrize("how", HOW)
    async def test_an_exclusive_lease_of_another_refuses_unless_forced(self, session: LogSession, how: str) -> None:
        await session.add_items([user("1"), said(SECRET)])
        async with session.lease(exclusive=True, holder="worker") as leased:
            before, version = await stored(session), await session.version()
            with pytest.raises(SessionBusyError, match=r"'worker'.*Nothing was changed") as caught:
                await HOW[how](session)
            assert caught.value.holder == "worker"
            assert (await stored(session), await session.version()) == (before, version)
            await HOW[how](session, force=True)
            assert await holding(session, SECRET) == []
            await leased.add_items([user("3")])
            await leased.redact(3)

    @pytest.mark.parametrize("how", HOW)
    async def test_another_lease_does_not(self, store: Store, session: LogSession, how: str) -> None:
        await session.add_items([user("1"), said(SECRET)])
        async with session.lease():
            await HOW[how](session)
        other = store.session(f"{session.session_id}-2")
        await other.add_items([user("1")])
        await other.branches.create("draft")
        await other.add_items([said(SECRET)])
        async with other.on_branch("draft").lease(exclusive=True):
            await HOW[how](other)
        assert await holding(other, SECRET) == []

    async def test_a_lease_protects_what_its_branch_can_go_back_to(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2"), user(SECRET)])
        await session.undo()
        (way,) = await session.ways_on()
        async with session.lease(exclusive=True):
            for correcting in (session.redact(id=way.entry), session.remove(id=way.entry), session.remove(way=way)):
                with pytest.raises(SessionBusyError):
                    await correcting
            await session.remove(way=way, force=True)
        assert await holding(session, SECRET) == []

    @pytest.mark.parametrize("how", HOW)
    async def test_a_lost_lease_refuses_even_if_forced(self, session: LogSession, time: MovableClock, how: str) -> None:
        await session.add_items([user("1"), said("2")])
        async with session.lease(ttl=60) as leased:
            time.move(61)
            await session.add_items([user("3")])
            for force in (False, True):
                with pytest.raises(LeaseLostError, match="Nothing was changed"):
                    await HOW[how](leased, force=force)
        assert contents(await session.get_items()) == "1 2 3"

    async def test_an_attempts_session_corrects_nothing(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2")])
        async with session.attempt() as tried:
            await tried.add_items([user("3")])
            for correcting in (tried.redact(1), tried.remove(1), tried.remove(way="e1-1-1")):
                with pytest.raises(InAttemptError, match="Nothing was changed"):
                    await correcting
            await session.redact(1)
        assert contents(await session.get_items()) == "- 2 3"

    async def test_a_foreign_owner_corrects_nothing(self, store: Store) -> None:
        await store.session("owned", owner="ann").add_items([user("1"), said("2")])
        foreign = store.session("owned", owner="bob")
        for correcting in (foreign.redact(1), foreign.remove(1, force=True), foreign.remove(way="e1-1-1")):
            with pytest.raises(OwnerError):
                await correcting
        await store.session("owned", owner="ann").redact(1)

    @pytest.mark.parametrize(("arguments", "error"), BAD)
    async def test_wrong_arguments_are_told_and_change_nothing(
        self, session: LogSession, arguments: dict[str, Any], error: type[Exception]
    ) -> None:
        await session.add_items([user(SECRET)])
        version = await session.version()
        for correct in (session.redact, session.remove):
            with pytest.raises(error, match=r"Nothing was (changed|done)") as caught:
                await correct(**arguments)
            assert SECRET not in str(caught.value)
        assert await session.version() == version

    async def test_a_replacement_that_cannot_be_stored_is_refused(self, session: LogSession) -> None:
        await session.add_items([user("1")])
        for bad in ({"role": "user", "content": {1, 2}}, [user("1")], "text"):
            with pytest.raises(InvalidItemError, match="Nothing was changed"):
                await session.redact(1, bad)  # type: ignore[arg-type]
        assert await session.get_items() == [user("1")]

    async def test_ways_are_checked(self, session: LogSession) -> None:
        await session.add_items([user("1")])
        for arguments, error in (
            ({"way": 1}, TypeError),
            ({"way": "1"}, UnknownEntryError),
            ({"way": "e1-1-1"}, UnknownEntryError),
            ({"way": "e1-1-1", "position": 1}, TypeError),
            ({"way": "e1-1-1", "key": "k"}, TypeError),
        ):
            with pytest.raises(error, match="Nothing was changed"):
                await session.remove(**arguments)

    async def test_a_session_that_is_missing_stays_so(self, store: Store) -> None:
        missing = store.session("missing")
        for correcting in (missing.redact(1), missing.remove(key="k"), missing.remove(way="e1-1-1")):
            with pytest.raises(UnknownEntryError, match="session 'missing'"):
                await correcting
        assert await store.get("missing") is None
        await missing.add_items([user("1")])
        with pytest.raises(UnknownBranchError):
            await missing.on_branch("nowhere").redact(1)

    async def test_an_id_of_another_session_is_unknown(self, store: Store, session: LogSession) -> None:
        other = store.session(f"{session.session_id}-2")
        await other.add_items([user("1")], keys=["k"])
        await session.add_items([user("1")])
        entry = await other.entry(1)
        for correcting in (
            session.redact(id=entry.id), session.remove(id=entry.id), session.redact(key="k"),
            session.remove(way=entry.id),
        ):  # fmt: skip
            with pytest.raises(UnknownEntryError):
                await correcting
        assert await other.get_items() == [user("1")]

    async def test_each_correction_leaves_an_audit_row(self, session: LogSession, store: Store) -> None:
        """Fails without: log/corrections/begin.py, `record(…)`."""
        await session.add_items([user("1"), said(SECRET), user("3")])
        await session.redact(2, actor="ann")
        await session.remove(2)
        with pytest.raises(UnknownEntryError):
            await session.remove(2, actor="bob")
        await session.undo()
        (way,) = await session.ways_on()
        await session.remove(way=way, actor="bob")
        rows = [row for row in await store.audits(session_id=session.session_id) if row.what in {"redact", "remove"}]
        assert [(row.what, row.actor, row.counts) for row in rows] == [
            ("remove", "bob", {"entries": 1}), ("remove", None, {"entries": 1}), ("redact", "ann", {"entries": 1}),
        ]  # fmt: skip
        with pytest.raises(ValueError, match="actor"):
            await session.redact(1, actor="")

    async def test_scrubbing_can_wait(self, session: LogSession, store: Store) -> None:
        await session.add_items([user("1"), said("2"), user("3")])
        (waiting,) = (await session.redact(1, scrub=False)).pending
        assert "store.scrub()" in waiting
        assert (await session.remove(2, scrub=False)).pending == (waiting,)
        assert (await session.redact(3)).pending == await store.scrub()

"""Compaction: while other callers write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import ConflictError, InvalidItemError, SessionBusyError, SummaryError
from sessions.testing.compaction_model import joined, said
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession

from sessions.testing.compaction.shared import CALL, OUTPUT, fill, shown


class Racing(SessionAndClock):
    """Compaction: while other callers write."""

    async def test_others_go_on_while_a_summary_is_made(self, make: MakeLogSession, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        other = make(session.session_id)

        async def slow(items: list[Any]) -> str:
            await fill(other, "u3 a3")
            await other.handover("billing")
            return await joined(items)

        await session.compact(slow)
        assert await shown(other) == "[u1 a1] u2 a2 u3 a3"

    @pytest.mark.parametrize("how", ["popped", "undone", "summarised", "taken back", "cleared"])
    async def test_what_changed_meanwhile_is_not_summarised(
        self, make: MakeLogSession, session: LogSession, how: str
    ) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        other = make(session.session_id)

        async def change(_: list[Any]) -> str:
            if how == "popped":
                await other.pop_item()
                await fill(other, "b2")
            elif how == "undone":
                await other.undo()
                await fill(other, "u3 a3")
            elif how == "summarised":
                await other.compact(joined, keep_turns=0)
            elif how == "taken back":
                await other.undo_compaction()
            else:
                await other.clear_session()
                await fill(other, "u1 a1", "u2 a2")
            return "outdated"

        with pytest.raises(
            ConflictError, match=r"changed while they were being summarised\. Nothing was changed\. Try again"
        ) as caught:
            await session.compact(change, keep_turns=0)
        assert caught.value.version == await session.version()
        assert "outdated" not in await shown(session)

    async def test_two_who_compact_at_once(self, make: MakeLogSession, session: LogSession) -> None:
        await fill(session, *(f"u{number} a{number}" for number in range(6)))
        done = await asyncio.gather(
            *(make(session.session_id).compact(joined, keep_turns=keep) for keep in (1, 2, 3)), return_exceptions=True
        )
        made = [summary for summary in done if not isinstance(summary, ConflictError)]
        assert len(await session.summaries()) == 1
        assert len(made) >= 1

    async def test_whoever_is_kept_out_compacts_nothing(self, make: MakeLogSession, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        async with session.lease(holder="sales", exclusive=True) as leased:
            version = await session.version()
            other = make(session.session_id)
            called: list[Any] = []

            async def note(items: list[Any]) -> str:
                called.append(items)
                return "paid for"

            for change in (other.compact(note), other.handover("billing"), other.undo_compaction()):
                with pytest.raises(SessionBusyError, match="is leased by 'sales'"):
                    await change
            assert await session.version() == version
            assert not called
            await leased.compact(joined)
            await leased.handover("billing")
        assert await shown(session) == "[u1 a1] u2 a2"

    async def test_a_failed_summary_changes_nothing(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        version = await session.version()

        async def fails(_: list[Any]) -> str:
            raise RuntimeError("no summary today")

        with pytest.raises(RuntimeError, match="no summary today"):
            await session.compact(fails)
        with pytest.raises(TypeError, match="must be an async function, but returned str at once"):
            await session.compact(lambda _: "at once")  # type: ignore[arg-type, return-value]
        for answer, error in (
            (None, "must return a text, an item or a list"),
            ([1], "must return a text, an item or a list"),
            ("", "returned nothing"),
            ([], "returned nothing"),
            (OUTPUT, "returned items that no provider accepts .orphan_output.. Nothing was changed"),
            ([said("u"), CALL], "returned items that no provider accepts .open_call."),
        ):

            async def answers(_: list[Any], answer: Any = answer) -> Any:
                return answer

            with pytest.raises(SummaryError, match=error):
                await session.compact(answers)

        async def unstorable(_: list[Any]) -> str:
            return "\ud800"

        with pytest.raises(InvalidItemError, match="the summary"):
            await session.compact(unstorable)
        assert await session.version() == version

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"keep_turns": -1}, ValueError),
            ({"keep_turns": "1"}, TypeError),
            ({"keep_items": -1}, ValueError),
            ({"keep_items": 1.0}, TypeError),
        ],
    )
    async def test_refuses_what_cannot_be_kept(
        self, session: LogSession, arguments: Any, error: type[Exception]
    ) -> None:
        await fill(session, "u1 a1", "u2 a2")
        with pytest.raises(error, match="keep_"):
            await session.compact(joined, **arguments)
        with pytest.raises(TypeError, match="summarise must be an async function"):
            await session.compact("a summary")  # type: ignore[arg-type]

"""The contract for shared sessions, as tests to run on your own store.

As `sessions.testing.HistoryContract`, for versions, idempotency keys, authors and handovers.
"""

from __future__ import annotations

import asyncio
import pickle
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.errors import ConflictError, IdempotencyKeyReusedError, InvalidItemError, SessionBusyError
from sessions.testing.fixtures import SessionAndClock
from sessions.types import Entry, ItemDict

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession


DAY = 86_400


def _user(text: object) -> ItemDict:
    return {"role": "user", "content": str(text)}


def _answer(text: object) -> ItemDict:
    return {"role": "assistant", "content": str(text)}


async def _texts(session: LogSession) -> str:
    return " ".join(item["content"] for item in await session.get_items())


class SharingContract(SessionAndClock):
    """The promises of a session over the log to its users. Give it the fixture `make`, as `SessionContract`."""

    # --- Versions ------------------------------------------------------------------------------------------------

    async def test_each_change_raises_the_version(self, make: MakeLogSession, session: LogSession) -> None:
        assert await session.version() == 0
        seen = [0]
        await session.add_items([_user(0)])
        for change in (
            lambda: session.add_items([_user(1), _user(2)]),
            session.pop_item,
            session.undo,
            session.redo,
            lambda: session.branches.create("b"),
            session.clear_session,
            lambda: session.add_items([_user(3)]),
        ):
            seen.append(await session.version())
            await change()
        seen.append(await make(session.session_id).version())
        assert seen == sorted(set(seen))

    async def test_what_changes_nothing_keeps_the_version(self, session: LogSession) -> None:
        await session.add_items([_user(1)], idempotency_key="k")
        before = await session.version()
        await session.add_items([_user(1)], idempotency_key="k")
        await session.add_items([])
        await session.add_items([], expected_version=before)
        assert await session.get_items() == [_user(1)]
        assert await session.version() == before

    @pytest.mark.parametrize("how", ["choose", "undo", "redo"])
    async def test_an_answer_is_refused_where_its_question_went(
        self, make: MakeLogSession, session: LogSession, how: str
    ) -> None:
        """A caller that streams an answer passes the version that it read, or holds an exclusive lease."""
        other = make(session.session_id)
        await session.add_items([_user(1), _user(2)])
        await session.undo()
        if how != "redo":
            await session.add_items([_user(3)])

        async def move() -> None:
            if how == "choose":
                await other.choose((await other.siblings())[0])
            else:
                await (other.undo() if how == "undo" else other.redo())

        async with session.lease(exclusive=True) as leased:
            before = await leased.get_items()
            with pytest.raises(SessionBusyError):
                await move()
            assert await leased.get_items() == before
        read = await session.version()
        await move()
        moved = await session.get_items()
        with pytest.raises(ConflictError):
            await session.add_items([_user(4)], expected_version=read)
        assert await session.get_items() == moved

    async def test_adds_only_to_the_expected_version(self, make: MakeLogSession, session: LogSession) -> None:
        await session.add_items([_user(1)], expected_version=0)
        read = await session.version()
        await make(session.session_id).add_items([_user(2)])
        now = await session.version()
        for expected in (0, read, now + 1):
            for items in ([_user(3)], [_user(3), _user(4)], []):
                with pytest.raises(ConflictError, match=f"has version {now}, not {expected}") as caught:
                    await session.add_items(items, expected_version=expected)
                assert caught.value.version == now
        assert (await session.version(), await _texts(session)) == (now, "1 2")
        await session.add_items([_user(3)], expected_version=now)
        assert await _texts(session) == "1 2 3"

    async def test_a_session_that_is_not_there_has_version_0(self, session: LogSession) -> None:
        for items in ([_user(1)], []):
            with pytest.raises(ConflictError) as caught:
                await session.add_items(items, expected_version=1)
            assert caught.value.version == 0
        await session.add_items([], expected_version=0)
        assert await session.version() == 0
        await session.add_items([_user(1)], expected_version=0)
        assert await session.get_items() == [_user(1)]

    async def test_a_change_of_another_branch_is_a_change(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        await session.branches.create("b")
        before = await session.version()
        await session.on_branch("b").add_items([_user(2)])
        with pytest.raises(ConflictError):
            await session.add_items([_user(3)], expected_version=before)
        await session.add_items([_user(3)], expected_version=await session.version())
        assert await _texts(session) == "1 3"

    async def test_a_branch_that_has_to_open_a_segment(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        await session.add_items([_user(2)])
        await session.undo()
        await session.add_items([_user(3)], expected_version=await session.version())
        assert await _texts(session) == "1 3"
        await session.clear_session()
        await session.add_items([_user(4)], expected_version=await session.version())
        assert await _texts(session) == "4"

    async def test_of_those_who_expect_the_same_version_one_wins(self, make: MakeLogSession) -> None:
        sessions = [make("race") for _ in range(12)]
        await sessions[0].add_items([_user("first")])
        version = await sessions[0].version()
        results = await asyncio.gather(
            *(each.add_items([_user(n)], expected_version=version) for n, each in enumerate(sessions)),
            return_exceptions=True,
        )
        (winner,) = (n for n, result in enumerate(results) if result is None)
        lost = [result for result in results if result is not None]
        assert all(isinstance(result, ConflictError) and result.version > version for result in lost)
        assert await _texts(sessions[0]) == f"first {winner}"

    async def test_a_counter_that_many_raise_loses_nothing(self, make: MakeLogSession) -> None:
        async def count(session: LogSession) -> None:
            for _ in range(5):
                while True:
                    version = await session.version()
                    number = len(await session.get_items())
                    try:
                        await session.add_items([_user(number)], expected_version=version)
                        break
                    except ConflictError:
                        continue

        await asyncio.gather(*(count(make("counted")) for _ in range(4)))
        assert await make("counted").get_items() == [_user(number) for number in range(20)]

    async def test_a_retry_finds_what_it_has_added_itself(self, session: LogSession) -> None:
        for _ in range(3):
            await session.add_items([_user(1)], idempotency_key="k", expected_version=0)
        assert await session.get_items() == [_user(1)]
        with pytest.raises(ConflictError):
            await session.add_items([_user(2)], idempotency_key="l", expected_version=0)
        # A refused append is not remembered as done.
        await session.add_items([_user(2)], idempotency_key="l")
        assert await _texts(session) == "1 2"

    @pytest.mark.parametrize(("version", "error"), [(-1, ValueError), ("1", TypeError), (True, TypeError)])
    async def test_refuses_what_is_no_version(self, session: LogSession, version: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="expected_version"):
            await session.add_items([_user(1)], expected_version=version)
        assert await session.get_items() == []

    def test_the_error_can_be_sent_to_other_processes(self) -> None:
        error = pickle.loads(pickle.dumps(ConflictError("session 's' …", 7)))  # noqa: S301 - made here
        assert (str(error), error.version) == ("session 's' …", 7)

    # --- Idempotency keys ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("days", [-40, -0.5, 0.011, 40])
    async def test_no_writers_clock_ends_the_keys_of_others(
        self, make: MakeLogSession, time: MovableClock, days: float
    ) -> None:
        name = f"session-{uuid4()}"
        session, other = make(name), make(name)
        await session.add_items([_user(1)], idempotency_key="k")
        time.move(days * DAY)
        for number in range(2, 5):
            await other.add_items([_user(number)], idempotency_key=f"other {number}")
        await other.add_items([_user(5)])
        time.move(-days * DAY)
        await session.add_items([_user(1)], idempotency_key="k")
        with pytest.raises(IdempotencyKeyReusedError):
            await session.add_items([_user(2)], idempotency_key="k")
        time.move(days * DAY)
        await session.add_items([_user(1)], idempotency_key="k")
        await other.add_items([_user(2)], idempotency_key="other 2")
        assert await _texts(session) == "1 2 3 4 5"

    async def test_a_key_is_known_in_every_branch_and_after_clearing(self, session: LogSession) -> None:
        await session.add_items([_user(1)], idempotency_key="k")
        await session.branches.create("b")
        await session.on_branch("b").add_items([_user(1)], idempotency_key="k")
        assert await session.on_branch("b").get_items() == [_user(1)]
        await session.clear_session()
        await session.add_items([_user(1)], idempotency_key="k")
        assert await session.get_items() == []

    # --- Authors -------------------------------------------------------------------------------------------------

    async def test_entries_say_what_is_known(self, session: LogSession, time: MovableClock) -> None:
        began = datetime.fromtimestamp(time.seconds, UTC)
        items: list[ItemDict] = [
            {"role": "system", "content": "Be brief."},
            _user(1),
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "no"},
        ]
        await session.add_items(items)
        time.move(5)
        await session.as_author("billing").add_items([_answer(2)], ttl=10)
        await session.as_author("billing").add_items([_answer(3)], ttl=None)
        later = began + timedelta(seconds=5)
        entries = await session.entries()
        first, *_ = ids = [entry.id for entry in entries]
        assert entries == [
            Entry(first, None, 1, 0, "system", None, None, began, None, items[0]),
            Entry(ids[1], ids[0], 2, 1, "user", None, None, began, None, items[1]),
            Entry(ids[2], ids[1], 3, 1, "tool_call", "look", None, began, None, items[2]),
            Entry(ids[3], ids[2], 4, 1, "tool_output", "look", None, began, None, items[3]),
            Entry(ids[4], ids[3], 5, 1, "assistant", None, "billing", later, later + timedelta(seconds=10), _answer(2)),
            Entry(ids[5], ids[4], 6, 1, "assistant", None, "billing", later, None, _answer(3)),
        ]
        time.move(10)
        assert [entry.position for entry in await session.entries()] == [1, 2, 3, 4, 6]

    async def test_pages_of_entries(self, session: LogSession) -> None:
        for number in range(1, 8):
            await session.add_items([_user(number)])
        await session.branches.create("b", turn=6)
        branch = session.on_branch("b")
        await branch.add_items([_answer(8), _answer(9)])
        everything = [1, 2, 3, 4, 5, 6, 7]

        async def page(**bounds: int | None) -> list[int]:
            found = await branch.entries(**bounds)
            assert [int(entry.item["content"]) for entry in found] == [
                entry.position if entry.position <= 5 else entry.position + 2 for entry in found
            ]
            return [entry.position for entry in found]

        for limit in (None, 1, 2, 3, 6, 7, 8):
            assert await page(limit=limit) == everything[-(limit or 7) :]
            assert await page(limit=limit, after=0) == everything[: limit or 7]
            for bound in (1, 4, 5, 6, 7, 8, 20):
                below, above = [n for n in everything if n < bound], [n for n in everything if n > bound]
                assert await page(limit=limit, before=bound) == (below[-limit:] if limit else below)
                assert await page(limit=limit, after=bound) == above[:limit]
                assert await page(limit=limit, after=2, before=bound) == [n for n in below if n > 2][:limit]
        assert [entry.position for entry in await session.entries()] == everything

    async def test_a_session_that_is_not_there_has_no_entries(self, session: LogSession) -> None:
        assert await session.entries() == await session.entries(5) == await session.entries(5, after=1) == []

    @pytest.mark.parametrize("bounds", [{"limit": 0}, {"limit": "1"}, {"before": 0}, {"after": -1}, {"after": True}])
    async def test_refuses_what_are_no_bounds(self, session: LogSession, bounds: dict[str, Any]) -> None:
        with pytest.raises((TypeError, ValueError), match=next(iter(bounds))):
            await session.entries(**bounds)

    async def test_each_object_has_its_author(self, make: MakeLogSession, session: LogSession) -> None:
        billing, support = session.as_author("billing"), session.as_author("support")
        await billing.add_items([_user(1), _answer(2)])
        await asyncio.gather(*(each.add_items([_answer(0)]) for each in (session, billing, support) * 3))
        await support.as_author(None).add_items([_answer(3)])
        await billing.on_branch("main").add_items([_answer(4)])
        entries = await make(session.session_id).entries()
        assert [entry.author for entry in entries[:2]] == ["billing", "billing"]
        assert sorted(entry.author or "" for entry in entries[2:11]) == [""] * 3 + ["billing"] * 3 + ["support"] * 3
        assert [entry.author for entry in entries[11:]] == [None, "billing"]

    async def test_an_author_goes_their_own_way(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        await session.branches.create("b")
        author = session.on_branch("b").as_author("a")
        await author.add_items([_answer(2)])
        assert await session.get_items() == [_user(1)]
        assert await author.get_items() == [_user(1), _answer(2)]

    async def test_authors_stay_with_their_items(self, session: LogSession) -> None:
        call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
        await session.as_author("one").add_items([_user(1), call])
        await session.as_author("two").add_items([_user(2)])
        assert (await session.repair(apply=True)).repaired
        authors = [(entry.kind, entry.author) for entry in await session.entries()]
        assert authors == [("user", "one"), ("tool_call", "one"), ("placeholder", None), ("user", "two")]
        await session.undo()
        await session.redo()
        await session.branches.create("b")
        assert [(entry.kind, entry.author) for entry in await session.on_branch("b").entries()] == authors

    async def test_names_are_text_like_any_other(self, session: LogSession) -> None:
        names = ["ä b", "';--", "{x}", "名前", "a" * 255, " "]
        for name in names:
            await session.as_author(name).add_items([_answer(0)])
        assert [entry.author for entry in await session.entries()] == names

    @pytest.mark.parametrize(
        ("name", "error"), [("", ValueError), ("a\0", ValueError), ("a" * 256, ValueError), (7, TypeError)]
    )
    def test_refuses_what_is_no_name(self, session: LogSession, name: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="name"):
            session.as_author(name)

    # --- Handing on ----------------------------------------------------------------------------------------------

    async def test_a_handover_is_no_item(self, session: LogSession) -> None:
        await session.handover("sales")
        await session.add_items([_user(1), _answer(2)])
        await session.as_author("sales").handover("billing", note="Wants a refund.")
        assert await session.get_items() == await session.window(items=2) == [_user(1), _answer(2)]
        assert await session.get_items(1) == [_answer(2)]
        assert [turn.items for turn in await session.turns()] == [[_user(1), _answer(2)]]
        assert (await session.branches.list())[0].items == 2
        assert [await session.pop_item() for _ in range(3)] == [_answer(2), _user(1), None]
        assert [(entry.kind, entry.hidden, entry.author, entry.item) for entry in await session.entries()] == [
            ("handover", True, None, {"type": "handover", "to": "sales"}),
            ("handover", True, "sales", {"type": "handover", "to": "billing", "note": "Wants a refund."}),
        ]
        await session.clear_session()
        assert await session.entries() == []

    async def test_a_handover_in_the_midst_of_a_lease(self, session: LogSession) -> None:
        call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
        output = {"type": "function_call_output", "call_id": "c", "output": "no"}
        await session.add_items([_user(1), call])
        await session.handover("billing")
        await session.add_items([output, _answer(2)])
        assert await session.window() == await session.get_items() == [_user(1), call, output, _answer(2)]
        assert not (await session.repair()).damages
        assert [(turn.number, len(turn.items)) for turn in await session.turns()] == [(1, 4)]
        assert len(await session.undo()) == 4
        assert len(await session.redo()) == 4
        assert [entry.kind for entry in await session.entries(2, before=4)] == ["tool_call", "handover"]

    async def test_a_handover_expires_as_items_do(self, make: MakeLogSession, time: MovableClock) -> None:
        session = make("handed on", ttl=10)
        await session.handover("billing")
        assert len(await session.entries()) == 1
        time.move(10)
        assert await session.entries() == []

    async def test_watchers_are_told_of_a_handover(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        version = await session.version()
        await session.handover("billing")
        await session.pop_item()
        async with aclosing(session.watch(after=version)) as changes:
            found = [await anext(changes) for _ in range(2)]
        assert [(change.kind, change.items) for change in found] == [
            ("handed_over", [{"type": "handover", "to": "billing"}]),
            ("popped", []),
        ]

    async def test_watchers_find_a_handover_that_was_put_back(self, session: LogSession) -> None:
        """The popped item is on another branch, too, so the branch continues elsewhere, with the handover."""
        await session.add_items([_user(1), _answer(2)])
        await session.branches.create("b")
        version = await session.version()
        other = session.on_branch("b")
        await other.handover("billing")
        await other.pop_item()
        async with aclosing(session.watch(after=version)) as changes:
            found = [await anext(changes) for _ in range(2)]
        assert [(change.kind, change.branch, [item["to"] for item in change.items]) for change in found] == [
            ("handed_over", "b", ["billing"]),
            ("popped", None, []),
        ]

    async def test_an_item_that_calls_itself_a_handover_is_shown(self, session: LogSession) -> None:
        mine = {"type": "handover", "to": "nobody"}
        await session.add_items([mine])
        assert await session.get_items() == [mine]
        assert [(entry.kind, entry.hidden) for entry in await session.entries()] == [("handover", False)]

    @pytest.mark.parametrize(
        ("to", "note", "error"),
        [("", None, ValueError), (1, None, TypeError), ("x" * 256, None, ValueError), ("a", 1, TypeError)],
    )
    async def test_refuses_what_nobody_can_be_handed(
        self, session: LogSession, to: Any, note: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            await session.handover(to, note=note)
        with pytest.raises(InvalidItemError, match="the note"):
            await session.handover("billing", note="\ud800")
        assert await session.version() == 0

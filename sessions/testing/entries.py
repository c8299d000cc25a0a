"""The contract for single entries: their ids, their predecessors, and finding one.

As `sessions.testing.HistoryContract`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import TurnNotFoundError, UnknownBranchError, UnknownEntryError
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession
    from sessions.types import Entry, ItemDict


def _user(text: object) -> ItemDict:
    return {"role": "user", "content": str(text)}


def _answer(text: object) -> ItemDict:
    return {"role": "assistant", "content": str(text)}


async def _check_chain(session: LogSession) -> list[Entry]:
    """Check that every page tells the same of each entry, as asking for the entry alone does; return all entries."""
    entries = await session.entries()
    assert len({entry.id for entry in entries}) == len(entries)
    parents = [None, *(entry.id for entry in entries)]
    assert [entry.parent_id for entry in entries] == parents[:-1]
    for number, entry in enumerate(entries, 1):
        assert await session.entries(1, before=entry.position + 1) == [entry]
        assert await session.entries(2, after=entry.position - 1) == entries[number - 1 : number + 1]
        assert await session.entry(entry.position) == await session.entry(id=entry.id) == entry
    return entries


class EntryContract(SessionAndClock):
    """The promises of a session over the log about single entries. Give it the fixture `make`, as `SessionContract`."""

    async def test_an_id_survives_a_browser(self, session: LogSession) -> None:
        await session.add_items([_user(1), _answer(2)])
        for entry in await _check_chain(session):
            assert re.fullmatch("[a-z][a-z0-9-]{1,63}", entry.id)
            assert json.loads(json.dumps({"id": entry.id}))["id"] == entry.id

    async def test_ids_and_parents_along_a_conversation(self, session: LogSession) -> None:
        await session.add_items([_user(1), _answer(2), _user(3)])
        await session.handover("billing")
        await session.add_items([_answer(4)])
        entries = await _check_chain(session)
        assert [entry.hidden for entry in entries] == [False, False, False, True, False]

    async def test_an_id_stays(self, make: MakeLogSession, session: LogSession) -> None:
        await session.add_items([_user(1), _answer(2)])
        before = await session.entries()
        await session.add_items([_user(3)])
        await session.undo()
        await session.redo()
        await session.branches.create("b")
        await session.branches.switch("b")
        await session.branches.rename("b", "c")
        assert (await make(session.session_id).entries())[:2] == before

    async def test_the_entry_before_is_the_same_on_every_branch(self, session: LogSession) -> None:
        await session.add_items([_user(1), _answer(2), _user(3), _answer(4)])
        shared = await session.entries(2, before=3)
        for name in ("b", "c"):
            await session.branches.create(name, turn=2)
            await session.on_branch(name).add_items([_user(name), _answer(name)])
        await session.on_branch("c").branches.create("d")
        await session.on_branch("d").add_items([_user("d")])
        for name in ("main", "b", "c", "d"):
            entries = await _check_chain(session.on_branch(name))
            assert entries[:2] == shared
        # By its id, an entry is found from whichever branch.
        (last,) = await session.on_branch("d").entries(1)
        assert await session.entry(id=last.id) == await session.on_branch("b").entry(id=last.id) == last

    async def test_an_entry_that_no_branch_shows_is_found(self, session: LogSession) -> None:
        await session.add_items([_user(1), _answer(2)])
        await session.add_items([_user(3), _answer(4)])
        entries = await session.entries()
        await session.undo()
        assert await session.entry(id=entries[3].id) == entries[3]
        with pytest.raises(UnknownEntryError, match="position 4"):
            await session.entry(4)
        await session.add_items([_user(5), _answer(6)])
        others = await _check_chain(session)
        assert await session.entry(id=entries[3].id) == entries[3]
        assert await session.entry(4) == others[3] != entries[3]
        assert others[2].parent_id == entries[2].parent_id == entries[1].id

    async def test_a_popped_entrys_id_is_never_another_ones(self, session: LogSession) -> None:
        await session.add_items([_user(1), _answer(2)])
        first, popped = await session.entries()
        await session.pop_item()
        for _ in range(2):
            with pytest.raises(UnknownEntryError):
                await session.entry(id=popped.id)
            await session.add_items([_answer(2)])
        second = (await _check_chain(session))[1]
        assert (second.position, second.parent_id) == (popped.position, first.id)
        assert second.id != popped.id

    async def test_a_siblings_entry_is_the_turns_last(self, session: LogSession) -> None:
        for text in "ab":
            await session.add_items([_user(1), _answer(text)])
            await session.undo()
        await session.redo()
        listed = await session.siblings()
        assert [(await session.entry(id=each.entry)).item["content"] for each in listed] == ["a", "b"]
        await session.choose(listed[0])
        assert (await session.entries(1))[0].id == listed[0].entry

    async def test_a_sibling_whose_place_another_took_is_not_chosen(self, session: LogSession) -> None:
        await session.add_items([_user(1), _answer(2)])
        (listed,) = await session.siblings()
        await session.pop_item()
        await session.add_items([_answer(3)])
        with pytest.raises(TurnNotFoundError):
            await session.choose(listed)
        assert await session.get_items() == [_user(1), _answer(3)]

    async def test_an_expired_entry_is_not_there(self, session: LogSession, time: MovableClock) -> None:
        await session.add_items([_user(1)])
        await session.add_items([_answer(2)], ttl=10)
        await session.add_items([_answer(3)])
        first, expiring, last = await _check_chain(session)
        assert last.parent_id == expiring.id
        time.move(11)
        for purged in (False, True):
            if purged:
                await session.purge_expired()
            entries = await _check_chain(session)
            assert [entry.id for entry in entries] == [first.id, last.id]
            for how in ({"id": expiring.id}, {"position": 2}):
                with pytest.raises(UnknownEntryError):
                    await session.entry(**how)

    async def test_other_sessions_entries_are_not_found(self, make: MakeLogSession, session: LogSession) -> None:
        other = make("another session")
        for each in (session, other):
            await each.add_items([_user(1)])
        (entry,) = await session.entries()
        (theirs,) = await other.entries()
        assert entry.id != theirs.id
        with pytest.raises(UnknownEntryError, match="another session"):
            await session.entry(id=theirs.id)
        with pytest.raises(UnknownEntryError):
            await make("no session").entry(id=theirs.id)

    async def test_after_clearing_and_beginning_again(self, session: LogSession) -> None:
        await session.add_items([_user(1)])
        (entry,) = await session.entries()
        await session.clear_session()
        await session.add_items([_user(1)])
        with pytest.raises(UnknownEntryError):
            await session.entry(id=entry.id)
        assert (await _check_chain(session))[0].id != entry.id

    @pytest.mark.parametrize("text", ["", "e", "1", "e0-1-1", "e1-1-01", "E1-1-1", "e1-1-1 ", "e-1-1-1", "é1-1-1",
        "e1-1-1\n", "e1-ffffffff-1", "effffffffffffffff-1-1", "e1-1-ffffffffffffffff", "e" + "1" * 99_999, "'; --",
    ])  # fmt: skip
    async def test_refuses_what_is_no_id(self, session: LogSession, text: str) -> None:
        await session.add_items([_user(1)])
        with pytest.raises(UnknownEntryError) as caught:
            await session.entry(id=text)
        assert len(str(caught.value)) < 300

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({}, TypeError),
            ({"position": 1, "id": "e1-1-1"}, TypeError),
            ({"id": 1}, TypeError),
            ({"position": "1"}, TypeError),
            ({"position": True}, TypeError),
            ({"position": 0}, ValueError),
        ],
    )
    async def test_refuses_what_names_no_entry(
        self, session: LogSession, arguments: dict[str, Any], error: type[Exception]
    ) -> None:
        await session.add_items([_user(1)])
        with pytest.raises(error):
            await session.entry(**arguments)

    async def test_positions_beyond_the_end(self, session: LogSession) -> None:
        for position in (1, 2, 1 << 70):
            with pytest.raises(UnknownEntryError):
                await session.entry(position)
            await session.add_items([])
        with pytest.raises(UnknownBranchError):
            await session.on_branch("b").entry(1)

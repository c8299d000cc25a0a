"""Removal of an entry, and of a way that a branch left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.errors import (
    BranchInUseError,
    ConflictError,
    NothingToRedoError,
    PairingError,
    TurnNotFoundError,
    UnknownEntryError,
)
from sessions.testing.corrections.shared import (
    SECRET,
    CorrectionFixtures,
    call,
    contents,
    holding,
    output,
    said,
    stored,
    user,
)

if TYPE_CHECKING:
    from sessions.session.base import LogSession

THOUGHT: Final = {"type": "reasoning", "id": "r", "summary": []}
_CHAT_CALL: Final = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": i, "type": "function", "function": {"name": "f", "arguments": "{}"}} for i in "ab"],
}
_CHAT: Final[list[dict[str, Any]]] = [_CHAT_CALL, *({"role": "tool", "tool_call_id": i, "content": "."} for i in "ab")]
_PROGRAM: Final = {"type": "program", "id": "p", "call_id": "p", "code": "", "fingerprint": ""}
_OF_PROGRAM: Final = {**call("c"), "caller": {"type": "program", "caller_id": "p"}}
_OUTPUT_OF_PROGRAM: Final = {**output("c"), "caller": {"type": "program", "caller_id": "p"}}
_ENDED: Final = {"type": "program_output", "id": "o", "call_id": "p", "result": "", "status": "completed"}
_ASK: Final = {"type": "mcp_approval_request", "id": "m", "name": "f", "server_label": "s", "arguments": "{}"}
_ALLOW: Final = {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True}
_BLOCK: Final = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "input": {}}]}
_RESULT: Final = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]}

_TWICE: Final = [call("c"), output("c"), said("."), call("c"), output("c")]

PAIRS: Final[dict[str, tuple[list[dict[str, Any]], int, set[tuple[str, int]]]]] = {
    "a call with its output": ([call("c"), output("c")], 1, {("orphan_output", 2)}),
    "an output of a call": ([call("c"), output("c")], 2, {("open_call", 1)}),
    "a call that is open": ([call("c")], 1, set()),
    "an output without a call": ([output("c")], 1, set()),
    "two calls of one message": (_CHAT, 1, {("orphan_output", 2), ("orphan_output", 3)}),
    "one of two outputs": (_CHAT, 3, {("open_call", 1)}),
    "a second output": ([call("c"), output("c"), output("c")], 3, set()),
    "an id that is used again": (_TWICE, 4, {("orphan_output", 5)}),
    "the output of an id that is used again": (_TWICE, 2, {("open_call", 1)}),
    "a program": (
        [_PROGRAM, _OF_PROGRAM, _OUTPUT_OF_PROGRAM, _ENDED], 1,
        {("orphan_call", 2), ("orphan_call", 3), ("orphan_call", 4), ("orphan_output", 4)},
    ),
    "a request for approval": ([_ASK, _ALLOW], 1, {("orphan_output", 2)}),
    "an approval": ([_ASK, _ALLOW], 2, {("open_call", 1)}),
    "reasoning": ([THOUGHT, said("2")], 1, {("torn_reasoning", 2)}),
    "reasoning that nothing follows": ([said("1"), THOUGHT], 2, set()),
    "the answer of reasoning": ([THOUGHT, said("2")], 2, {("lone_reasoning", 1)}),
    "the first of two thoughts": ([THOUGHT, THOUGHT, said("3")], 1, {("torn_reasoning", 2)}),
    "an answer": ([said("1"), said("2")], 1, set()),
    "a block of an unknown shape": ([_BLOCK, _RESULT], 1, {("unknown_shape", 2)}),
    "the last of an unknown shape": ([said("1"), _BLOCK, _RESULT], 3, {("unknown_shape", 2)}),
    "a call before an unknown shape": ([call("c"), _RESULT], 1, {("unknown_shape", 2)}),
}  # fmt: skip
"""Items behind a user's message, the one to be removed, and what would be left alone, by positions among these."""


class Removing(CorrectionFixtures):
    """Removal."""

    async def test_a_removed_entry_leaves_all_others_where_they_are(self, session: LogSession) -> None:
        await session.add_items([user("1"), said(SECRET), said("3"), user("4"), said("5")])
        before = await stored(session)
        receipt = await session.remove(2)
        assert receipt.ids == (before[1].id,)
        assert await stored(session) == [before[0], *before[2:]]
        assert contents(await session.get_items()) == "1 3 4 5"
        assert [entry.position for entry in await session.entries()] == [1, 3, 4, 5]
        assert [turn.number for turn in await session.turns()] == [1, 2]
        assert (await session.branches.list())[0].items == 4
        with pytest.raises(UnknownEntryError, match="Nothing was changed"):
            await session.remove(2)

    async def test_the_conversation_goes_on_behind_a_removed_end(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2"), user(SECRET), said(SECRET)])
        await session.remove(4)
        await session.remove(3)
        assert contents(await session.get_items()) == "1 2"
        await session.add_items([user("5"), said("6")])
        assert contents(await session.get_items()) == "1 2 5 6"
        assert [entry.position for entry in await session.entries()] == [1, 2, 5, 6]
        assert contents(await session.undo()) == "5 6"
        assert contents(await session.redo()) == "5 6"
        assert await session.pop_item() == said("6")
        assert await session.pop_item() == user("5")
        assert await session.pop_item() == said("2")
        await session.branches.create("draft")
        assert contents(await session.on_branch("draft").get_items()) == "1"

    async def test_a_turn_of_which_nothing_is_left_is_skipped(self, session: LogSession) -> None:
        for text in ("1", SECRET, "3"):
            await session.add_items([user(text), said(f"{text}!")])
        await session.remove(3)
        await session.remove(4)
        assert [turn.number for turn in await session.turns()] == [1, 3]
        assert contents(await session.undo(2)) == "1 1! 3 3!"

    async def test_everything_can_go(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2")])
        for position in (1, 2):
            await session.remove(position)
        assert await session.get_items() == []
        assert await session.pop_item() is None
        with pytest.raises(TurnNotFoundError):
            await session.undo()
        await session.add_items([user("3")])
        assert contents(await session.get_items()) == "3"

    @pytest.mark.parametrize("name", PAIRS)
    async def test_what_belongs_to_it_is_named(self, session: LogSession, name: str) -> None:
        items, position, broken = PAIRS[name]
        await session.add_items([user("0"), *items, user("last")])
        before = await stored(session)
        wanted = {(kind, at + 1) for kind, at in broken}
        if broken:
            with pytest.raises(PairingError, match=r"force=True.*") as caught:
                await session.remove(position + 1)
            assert {(damage.kind, damage.position) for damage in caught.value.broken} == wanted
            assert await stored(session) == before
            receipt = await session.remove(position + 1, force=True)
        else:
            damages = (await session.repair()).damages
            receipt = await session.remove(position + 1)
            assert set((await session.repair()).damages) <= set(damages)
        assert receipt.entries == 1
        assert await stored(session) == [*before[:position], *before[position + 1 :]]

    async def test_pairs_are_looked_for_on_every_way(self, session: LogSession) -> None:
        await session.add_items([user("1"), call("c")])
        await session.branches.create("draft")
        await session.on_branch("draft").add_items([output("c")])
        with pytest.raises(PairingError, match="orphan_output at position 3"):
            await session.remove(2)
        await session.add_items([output("c"), said("4")])
        with pytest.raises(PairingError, match="open_call at position 2"):
            await session.on_branch("draft").remove(3)

    async def test_a_placeholder_answers_as_an_output_does(self, session: LogSession) -> None:
        await session.add_items([user("1"), call("c")])
        await session.repair(apply=True)
        await session.add_items([output("c")])
        assert (await session.remove(4)).entries == 1
        assert [entry.kind for entry in await session.entries()] == ["user", "tool_call", "placeholder"]
        assert not (await session.repair()).damages

    async def test_an_expansion_that_is_removed_lets_the_summary_be_shown(self, session: LogSession) -> None:
        async def summed(_: list[Any]) -> str:
            return "sum"

        await session.add_items([user("1"), said("2"), user("3")])
        await session.compact(summed)
        await session.undo_compaction()
        await session.remove((await session.entries(1))[0].position)
        assert contents(await session.get_items()) == "sum 3"
        await session.remove((await session.entries(1))[0].position)
        assert contents(await session.get_items()) == "1 2 3"

    # --- Ways --------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("named", ["sibling", "id"])
    async def test_a_way_that_was_left_goes_with_what_only_it_has(self, session: LogSession, named: str) -> None:
        await session.add_items([user("1"), said("2"), user(SECRET), said("old"), user("later")])
        await session.undo(2)
        await session.add_items([user("5"), said("6")])
        (way,) = [sibling for sibling in await session.siblings(2) if not sibling.current]
        receipt = await session.remove(way=way if named == "sibling" else way.entry)
        assert (receipt.entries, receipt.ids) == (3, ())
        assert await holding(session, SECRET) == []
        assert len(await session.siblings(2)) == 1
        assert contents(await session.get_items()) == "1 2 5 6"
        with pytest.raises((TurnNotFoundError, UnknownEntryError)):
            await session.remove(way=way if named == "sibling" else way.entry)

    async def test_an_undone_way_cannot_be_redone_any_more(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2"), user(SECRET)])
        await session.undo()
        (way,) = await session.ways_on()
        assert (await session.remove(way=way)).entries == 1
        with pytest.raises(NothingToRedoError):
            await session.redo()
        await session.add_items([user("3")])
        assert contents(await session.get_items()) == "1 2 3"
        assert await holding(session, SECRET) == []

    async def test_what_other_ways_share_stays(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("a"), said(SECRET)])
        await session.undo()
        await session.add_items([user("other")])
        (old,) = [sibling for sibling in await session.siblings(1) if not sibling.current]
        entry = (await session.items_of(old))[1]
        assert entry == said("a")
        await session.choose(old)
        await session.pop_item()
        await session.branches.create("draft")
        assert contents(await session.get_items()) == "1 a"
        (other,) = [sibling for sibling in await session.siblings(1) if not sibling.current and not sibling.branch]
        await session.remove(way=other)
        assert contents(await session.get_items()) == "1 a"
        assert contents(await session.on_branch("draft").get_items()) == "1 a"

    async def test_a_way_of_a_branch_is_refused(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2")])
        await session.branches.create("draft", turn=1)
        await session.on_branch("draft").add_items([user("other")])
        before, version = await stored(session), await session.version()
        for way in await session.siblings(1):
            for force in (False, True):
                with pytest.raises(BranchInUseError, match=rf"branch '{way.branch}' goes that way"):
                    await session.remove(way=way, force=force)
        assert (await stored(session), await session.version()) == (before, version)

    async def test_an_attempt_is_removed_only_if_forced(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2")])
        with pytest.raises(ConflictError, match="attempt has ended"):  # noqa: PT012 - the block is the attempt's
            async with session.attempt(turn=1) as tried:
                await tried.add_items([user(SECRET)], idempotency_key="k")
                (way,) = [sibling for sibling in await session.siblings(1) if not sibling.current]
                with pytest.raises(BranchInUseError, match="force=True"):
                    await session.remove(way=way)
                await session.remove(way=way, force=True)
                await tried.add_items([user("more")])
        assert await holding(session, SECRET) == []
        assert contents(await session.get_items()) == "1 2"
        # Its key counts as new, as after every attempt that failed.
        await session.add_items([user("again")], idempotency_key="k")

    async def test_a_title_goes_with_the_way_of_its_message(self, session: LogSession) -> None:
        await session.add_items([user(SECRET), said("2")])
        assert (await session.info()).title == SECRET
        await session.undo()
        (way,) = await session.ways_on()
        assert (await session.remove(way=way)).title is True
        assert (await session.info()).title is None

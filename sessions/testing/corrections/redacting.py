"""Redaction: what an entry becomes, what stays, and which replacements are refused."""

from __future__ import annotations

from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.errors import ReplacementError, SummarizedError, UnknownEntryError
from sessions.testing.corrections.shared import (
    SECRET,
    CorrectionFixtures,
    call,
    contents,
    holding,
    output,
    quoting,
    said,
    stored,
    user,
)

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock

WRONG: Final[list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]]] = [
    (user("1"), said("1"), ("kind",)),
    (user("1"), {"role": "user", "content": [{"type": "tool_use", "id": "1"}]}, ("kind",)),
    (said("1"), {"type": "message", "role": "assistant", "content": []}, ("kind",)),
    (call("1"), call("2"), ("call ids",)),
    (call("1"), {**call("1"), "name": "other"}, ("tool",)),
    (call("1"), {**call("1"), "caller": {"type": "program", "caller_id": "p"}}, ("program",)),
    (output("1"), output("2"), ("call ids",)),
    (output("1"), {**output("1"), "type": "custom_tool_call_output"}, ("call ids",)),
    (
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": SECRET}}]},
        said("1"),
        ("kind", "call ids", "tool"),
    ),
    (
        {"role": "tool", "tool_call_id": "1", "content": SECRET},
        {"role": "tool", "content": ""},
        ("kind", "call ids", "tool"),
    ),
]
"""Items, replacements that do not fit, and what these would change."""


class Redacting(CorrectionFixtures):
    """Redaction of one entry."""

    async def test_a_redacted_entry_is_empty_and_all_else_stays(self, session: LogSession) -> None:
        await session.as_author("ann").add_items([user("1"), said("2")], keys=["a", None], ttl=1000)
        await session.add_items([user(SECRET), said("4")], keys=["c", None])
        before = await stored(session)
        entry = await session.entry(key="c")
        receipt = await session.redact(id=entry.id)
        assert await session.get_items() == [user("1"), said("2"), user(""), said("4")]
        assert [one._replace(item=None) for one in await stored(session)] == [one._replace(item=None) for one in before]
        again = await session.entry(key="c")
        assert (again.id, again.position, again.turn, again.created_at) == (entry.id, 3, 2, entry.created_at)
        assert (receipt.session_id, receipt.entries, receipt.ids) == (session.session_id, 1, (entry.id,))
        assert (receipt.summaries, receipt.title, receipt.sdk_rows, receipt.forks) == ((), False, 0, ())
        assert receipt.version == await session.version()

    async def test_an_entry_is_named_by_position_id_or_key(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2"), user("3")], keys=[None, None, "c"])
        await session.redact(1)
        await session.redact(id=(await session.entry(2)).id)
        await session.redact(key="c")
        assert contents(await session.get_items()) == "- - -"

    async def test_a_replacement_takes_the_place_of_the_item(self, session: LogSession) -> None:
        await session.add_items([user("1"), call("c", f'{{"password": "{SECRET}"}}'), output("c", SECRET), said("4")])
        await session.redact(2, call("c", '{"password": "***"}'))
        await session.redact(3, output("c", "***"))
        assert await session.get_items() == [
            user("1"), call("c", '{"password": "***"}'), output("c", "***"), said("4"),
        ]  # fmt: skip
        assert [entry.tool for entry in await session.entries()] == [None, "look", "look", None]
        assert await holding(session, SECRET) == []

    @pytest.mark.parametrize(("item", "replacement", "changes"), WRONG)
    async def test_a_replacement_that_does_not_fit_is_refused(
        self, session: LogSession, item: dict[str, Any], replacement: dict[str, Any], changes: tuple[str, ...]
    ) -> None:
        await session.add_items([user("0"), item])
        before, version = await stored(session), await session.version()
        with pytest.raises(ReplacementError, match=r"position 2: .*Nothing was changed") as caught:
            await session.redact(2, replacement)
        assert caught.value.changes == changes
        assert SECRET not in str(caught.value)
        assert (await stored(session), await session.version()) == (before, version)

    async def test_an_item_of_an_unknown_shape_stays_one(self, session: LogSession) -> None:
        block = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "input": SECRET}]}
        odd = {"parts": [SECRET]}
        await session.add_items([user("1"), block, odd])
        kinds = [entry.kind for entry in await session.entries()]
        for position in (2, 3):
            await session.redact(position)
        assert (await session.get_items())[1:] == [
            {"role": "assistant", "content": [{"type": "redacted"}]},
            {"content": [{"type": "redacted"}]},
        ]
        assert [entry.kind for entry in await session.entries()] == kinds
        assert await holding(session, SECRET) == []

    @pytest.mark.parametrize("item", [{"type": "compaction", "encrypted_content": SECRET, "id": "1"},
                                      {"type": "program", "id": "1", "call_id": "1", "code": SECRET}])  # fmt: skip
    async def test_what_has_no_empty_form_is_only_replaced(self, session: LogSession, item: dict[str, Any]) -> None:
        await session.add_items([user("1"), item])
        with pytest.raises(ReplacementError, match="has no empty form") as caught:
            await session.redact(2)
        assert caught.value.changes == ()
        assert (await session.get_items())[1] == item
        name = "code" if "code" in item else "encrypted_content"
        await session.redact(2, {**item, name: "x"})
        assert await holding(session, SECRET) == []

    async def test_a_handover_loses_its_note(self, session: LogSession) -> None:
        await session.add_items([user("1")])
        await session.handover("billing", note=SECRET)
        with pytest.raises(ReplacementError, match="handover"):
            await session.redact(2, {"type": "handover", "to": "billing"})
        await session.redact(2)
        assert (await session.entries())[1].item == {"type": "handover", "to": "billing"}

    async def test_redacting_again_is_no_matter(self, session: LogSession) -> None:
        await session.add_items([user(SECRET), {"role": "user", "content": [{"type": "input_text", "text": SECRET}]}])
        for _ in range(2):
            for position in (1, 2):
                assert (await session.redact(position)).entries == 1
            assert await session.get_items() == [user(""), user("")]

    async def test_undone_turns_and_other_branches_are_reached(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2")])
        await session.branches.create("draft")
        await session.on_branch("draft").add_items([user(SECRET)], keys=["b"])
        await session.add_items([user(SECRET + "!")], keys=["a"])
        await session.undo()
        for key in ("a", "b"):
            await session.redact(key=key)
        assert await holding(session, SECRET) == []
        assert await session.redo() == [user("")]
        assert contents(await session.on_branch("draft").get_items()) == "1 2 -"

    async def test_an_expired_entry_is_redacted_until_it_is_purged(
        self, session: LogSession, time: MovableClock
    ) -> None:
        await session.add_items([user("1")])
        await session.add_items([user(SECRET)], ttl=5)
        entry = await session.entry(2)
        time.move(6)
        with suppress(UnknownEntryError):  # Upkeep may be faster.
            await session.redact(id=entry.id)
        assert await holding(session, SECRET) == []
        await session.purge_expired()
        with pytest.raises(UnknownEntryError, match=r"Nothing was changed"):
            await session.redact(id=entry.id)

    async def test_windows_turns_and_usage_go_on(self, session: LogSession) -> None:
        await session.add_items([user("1"), call("c", SECRET), output("c", SECRET), said(SECRET), user("5"), said("6")])
        await session.usage.record(input_tokens=5, output_tokens=1)
        for position in (2, 3, 4):
            await session.redact(position)
        await session.remove(6)
        items = [user("1"), call("c"), output("c", ""), said(""), user("5")]
        assert await session.window(items=5) == items
        assert await session.window(items=4) == items[4:]
        assert [turn.items for turn in await session.turns()] == [items[:4], items[4:]]
        assert (await session.usage.total()).input_tokens == 5
        assert [row.calls for row in await session.usage.tools()] == [1]
        assert not (await session.repair()).damages

    # --- Summaries and titles ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_a_summary_over_an_entry_is_dropped_or_refuses(self, session: LogSession, how: str) -> None:
        await session.add_items([user("1"), said(SECRET), user("3"), said("4")])
        await session.branches.create("draft")
        await session.on_branch("draft").compact(quoting)
        await session.compact(quoting)
        await session.undo_compaction()
        await session.compact(quoting, keep_turns=0)
        summaries = [one for one in await stored(session) if "summary" in one.row.kind]
        assert len(summaries) == 3
        before = await stored(session)
        correct = getattr(session, how)
        with pytest.raises(SummarizedError, match="summaries='drop'") as caught:
            await correct(2)
        assert sorted(caught.value.summaries) == sorted(one.id for one in summaries)
        assert await stored(session) == before
        receipt = await correct(2, summaries="drop")
        assert sorted(receipt.summaries) == sorted(caught.value.summaries)
        assert await holding(session, SECRET) == []
        shown = "1 - 3 4" if how == "redact" else "1 3 4"
        assert contents(await session.get_items()) == shown
        assert contents(await session.on_branch("draft").get_items()) == shown
        assert await session.summaries() == []

    async def test_a_summary_of_another_range_stays(self, session: LogSession) -> None:
        await session.add_items([user("1"), said("2"), user("3"), said(SECRET)])
        summary = await session.compact(quoting)
        assert (await session.redact(4)).summaries == ()
        assert await session.summaries() == [summary]
        assert contents(await session.get_items()) == "[1 2] 3 -"

    async def test_a_summary_of_a_summary_goes_too(self, session: LogSession) -> None:
        await session.add_items([user("1"), said(SECRET), user("3"), said("4"), user("5")])
        await session.compact(quoting, keep_turns=2)
        await session.compact(quoting, keep_turns=0)
        assert len((await session.redact(2, summaries="drop")).summaries) == 2
        assert contents(await session.get_items()) == "1 - 3 4 5"

    async def test_a_summary_that_is_being_made_is_not_stored(self, session: LogSession) -> None:
        await session.add_items([user("1"), said(SECRET), user("3")])

        async def slow(items: list[Any]) -> dict[str, Any]:
            await session.redact(2)
            return await quoting(items)

        with pytest.raises(Exception, match="changed while they were being summarised"):
            await session.compact(slow)
        assert await holding(session, SECRET) == []

    async def test_a_title_that_was_made_of_the_message_goes(self, session: LogSession) -> None:
        await session.add_items([user(SECRET), said("2")])
        assert (await session.info()).title == SECRET
        await session.set_info(tags=["a"], metadata={"b": 1})
        assert (await session.redact(2)).title is False
        assert (await session.redact(1)).title is True
        info = await session.info()
        assert (info.title, info.tags, info.metadata, info.version) == (None, ("a",), {"b": 1}, 3)

    async def test_a_replacement_gives_a_title_again(self, session: LogSession) -> None:
        await session.add_items([user(SECRET)])
        assert (await session.redact(1, user("A question"))).title is True
        assert (await session.info()).title == "A question"

    async def test_a_title_of_the_callers_stays(self, session: LogSession) -> None:
        await session.add_items([user(SECRET)])
        await session.set_info(title="My own")
        assert (await session.redact(1)).title is False
        assert (await session.info()).title == "My own"

    # --- Watchers, and times of its own ------------------------------------------------------------------------------

    async def test_watchers_are_told(self, session: LogSession) -> None:
        await session.add_items([user(SECRET), said("2"), user("3")])
        version = await session.version()
        await session.redact(1)
        await session.remove(2)
        async with aclosing(session.watch(after=0)) as changes:
            first, *rest = [await anext(changes) for _ in range(3 + (version > 1))]
        assert first.items == [user(""), user("3")]
        assert [change.kind for change in rest][-2:] == ["redacted", "removed"]
        assert all(not change.items for change in rest)

    async def test_a_correction_is_no_activity(self, session: LogSession, store: Any, time: MovableClock) -> None:
        await session.add_items([user("1"), said("2")])
        (before,) = [info for info in await store.sessions() if info.session_id == session.session_id]
        time.move(3600)
        await session.redact(1)
        await session.remove(2)
        (after,) = [info for info in await store.sessions() if info.session_id == session.session_id]
        assert after.active_at == before.active_at

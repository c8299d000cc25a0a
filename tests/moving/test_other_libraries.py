"""Copying from and to sessions of the OpenAI Agents SDK: its own stores, and hosted conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agents import OpenAIConversationsSession
from agents import SQLiteSession as TheirSQLiteSession
from openai import InternalServerError

from sessions import ConflictError, Copied, text_of
from sessions.items.calls import hosted_form, is_kept_as
from sessions.testing.copying import ListSession, messages

from .opening import open_at

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from sessions import Store

    from .hosted_server import Conversations

_RUN: list[dict[str, Any]] = [
    {"role": "user", "content": "How warm is it?"},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "reasoning", "id": "__fake_id__", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": '{"city": "Bodø"}',
     "status": "completed", "_agents_tool_title": "Weather"},
    {"type": "function_call_output", "call_id": "c1", "output": "15 °C"},
    {"type": "message", "id": "__fake_id__", "role": "assistant", "status": "completed",
     "content": [{"type": "output_text", "text": "About 15 °C.", "annotations": [], "logprobs": []}]},
    {"role": "user", "content": [{"type": "input_text", "text": "And here?"},
                                 {"type": "input_image", "image_url": "data:,x", "detail": "auto"}]},
    {"role": "assistant", "content": "I cannot see that."},
]  # fmt: skip
"""A run's items, as its session has them."""


@pytest.fixture
def store(anywhere: str) -> Store:
    return open_at(anywhere)


def the_same(given: list[Any], kept: list[Any]) -> bool:
    """Tell whether a hosted conversation has these items."""
    forms = [form for item in given if (form := hosted_form(item)) is not None]
    return len(forms) == len(kept) and all(map(is_kept_as, forms, kept))


async def test_to_a_hosted_conversation_and_back(
    hosted: tuple[Conversations, AsyncOpenAI], anywhere: str, store: Store
) -> None:
    del anywhere
    conversations, client = hosted
    async with store, client:
        session = store.session("s")
        items = [*_RUN, *messages(50)]
        await session.add_items(items)
        target = OpenAIConversationsSession(openai_client=client)
        assert await store.copy("s", target) == Copied(57, 0, 1)
        assert conversations.requests == [20, 20, 17]
        (kept,) = conversations.items.values()
        assert the_same(items, kept)
        assert "_agents_tool_title" not in kept[2]
        # Done: nothing is doubled. And what the source gets later goes there.
        assert await store.copy("s", target) == Copied(0, 57, 1)
        await session.add_items([{"role": "user", "content": "later"}])
        again = OpenAIConversationsSession(conversation_id=target.session_id, openai_client=client)
        assert await store.copy("s", again) == Copied(1, 57, 1)
        # Back: with the ids and the form that the server gave.
        assert await store.copy(again, "back") == Copied(58)
        back = store.session("back")
        assert await back.get_items() == await again.get_items()
        assert [entry.kind for entry in await back.entries(limit=7, after=0)] == [
            "user", "reasoning", "tool_call", "tool_output", "assistant", "user", "assistant",
        ]  # fmt: skip
        assert [text_of(turn.items[0]) for turn in await back.turns(2)][-1] == "later"
        assert await store.copy(again, "back") == Copied(0, 58)
        assert await store.copy("back", again) == Copied(0, 58)


async def test_a_hosted_conversation_that_broke_off_goes_on(
    hosted: tuple[Conversations, AsyncOpenAI], anywhere: str, store: Store
) -> None:
    del anywhere
    conversations, client = hosted
    async with store, client:
        await store.session("s").add_items(messages(70))
        target = OpenAIConversationsSession(openai_client=client)
        conversations.fails_after = 2
        with pytest.raises(InternalServerError):
            await store.copy("s", target)
        conversations.fails_after = 100
        assert await store.copy("s", target) == Copied(30, 40)
        (kept,) = conversations.items.values()
        assert the_same(messages(70), kept)
        await store.session("t").add_items(messages(5)[::-1])
        with pytest.raises(ConflictError, match="at place 1"):
            await store.copy("t", target)
        # Between two hosted conversations.
        other = OpenAIConversationsSession(openai_client=client)
        assert await store.copy(target, other) == Copied(70)
        assert await store.copy(target, other) == Copied(0, 70)


async def test_from_and_to_the_sdks_own_store(anywhere: str, store: Store) -> None:
    del anywhere
    async with store:
        theirs = TheirSQLiteSession("theirs")
        await theirs.add_items([*_RUN, *messages(30)])  # type: ignore[list-item] # they are items
        assert await store.copy(theirs, "ours") == Copied(38)
        assert await store.session("ours").get_items() == [*_RUN, *messages(30)]
        again = TheirSQLiteSession("again")
        assert await store.copy("ours", again) == Copied(38)
        assert await again.get_items() == await theirs.get_items()
        # Their settings limit what they return; a copy has everything.
        limited = TheirSQLiteSession("limited", session_settings={"limit": 2})
        assert await store.copy("ours", limited) == Copied(38)
        assert await store.copy(limited, "all") == Copied(38)
        assert await store.copy(ListSession(messages(2)), TheirSQLiteSession("new")) == Copied(2)


@pytest.mark.parametrize(
    ("given", "kept", "same"),
    [
        ({"role": "user", "content": "a"}, {"role": "user", "content": "a"}, True),
        ({"role": "user", "content": "a"}, {"role": "user", "content": "b"}, False),
        ({"role": "user", "content": "a"}, {"role": "assistant", "content": "a"}, False),
        ({"role": "user", "content": "a"}, {"type": "message", "role": "user", "content": [{"text": "a"}]}, True),
        ({"role": "user", "content": [{"text": "a"}, {"text": "b"}]}, {"role": "user", "content": "ab"}, False),
        ({"role": "user", "content": ""}, {"role": "user", "content": []}, True),
        ({"role": "user", "content": "a", "n": None}, {"role": "user", "content": "a"}, True),
        ({"role": "user", "content": "a", "n": 0}, {"role": "user", "content": "a"}, False),
        ({"role": "user", "content": "a", "n": 1}, {"role": "user", "content": "a", "n": True}, False),
        ({"type": "item_reference", "id": "1"}, {"type": "item_reference", "id": "2"}, False),
        ({"type": "x", "id": "1"}, {"type": "x", "id": "2", "more": 1}, True),
        ({"type": "x", "a": {"b": [1, {"c": 2}]}}, {"type": "x", "a": {"b": [1, {"c": 2, "d": 3}]}}, True),
        ({"type": "x", "a": {"b": [1, {"c": 2}]}}, {"type": "x", "a": {"b": [1, {"c": 3}]}}, False),
        ({"type": "x", "a": [1]}, {"type": "x", "a": [1, 2]}, False),
        ("a", {"type": "x"}, False),
        ("a", "a", True),
    ],
)
def test_items_that_are_kept_in_another_form(given: Any, kept: Any, same: bool) -> None:  # noqa: FBT001
    assert is_kept_as(given, kept) is same

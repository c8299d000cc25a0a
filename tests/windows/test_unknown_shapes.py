"""Conversations of other frameworks are kept, given and never taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from sessions import Compaction, SQLiteSession, UnknownFormatError, Window
from sessions.items.calls import part_of
from sessions.items.parts import Part

Items = list[dict[str, Any]]


def anthropic(name: str) -> Items:
    return [
        {"role": "user", "content": name},
        {"role": "assistant", "content": [{"type": "tool_use", "id": name, "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": "Sun"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Sunny."}]},
    ]


def anthropic_with_media(name: str) -> Items:
    first, *others = anthropic(name)
    return [{**first, "content": [{"type": "image", "source": {}}, {"type": "text", "text": name}]}, *others]


def bedrock(name: str) -> Items:
    return [
        {"role": "user", "content": [{"text": name}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": name, "name": "weather", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": name, "content": [{"text": "Sun"}]}}]},
        {"role": "assistant", "content": [{"text": "Sunny."}]},
    ]


def gemini(name: str) -> Items:
    return [
        {"role": "user", "parts": [{"text": name}]},
        {"role": "model", "parts": [{"functionCall": {"id": name, "name": "weather", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": name, "name": "weather", "response": {}}}]},
        {"role": "model", "parts": [{"text": "Sunny."}]},
    ]


def agent_framework(name: str) -> Items:
    call = {"type": "function_call", "call_id": name, "name": "weather", "arguments": "{}"}
    return [
        {"type": "message", "role": "user", "contents": [{"type": "text", "text": name}]},
        {"type": "message", "role": "assistant", "contents": [call]},
        {"type": "message", "role": "tool", "contents": [{"type": "function_result", "call_id": name}]},
        {"type": "message", "role": "assistant", "contents": [{"type": "text", "text": "Sunny."}]},
    ]


def ag_ui(name: str) -> Items:
    call = {"id": name, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return [
        {"id": "1", "role": "user", "content": name},
        {"id": "2", "role": "assistant", "content": "Let me look.", "toolCalls": [call]},
        {"id": "3", "role": "tool", "toolCallId": name, "content": "Sun"},
        {"id": "4", "role": "assistant", "content": "Sunny."},
    ]


def pydantic_ai(name: str) -> Items:
    parts = ("user-prompt", "tool-call", "tool-return", "text")
    kinds = ("request", "response") * 2
    return [
        {"kind": kind, "parts": [{"part_kind": part, "tool_call_id": name}]}
        for kind, part in zip(kinds, parts, strict=True)
    ]


def adk(name: str) -> Items:
    roles = ("user", "model") * 2
    return [{"id": name, "author": role, "content": {"role": role, "parts": [{"text": name}]}} for role in roles]


def claude_transcript(name: str) -> Items:
    return [{"type": item["role"], "uuid": name, "message": item} for item in anthropic(name)]


def ollama(name: str) -> Items:
    return [
        {"role": "user", "content": name},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {}}}]},
        {"role": "tool", "tool_name": "weather", "content": "Sun"},
        {"role": "assistant", "content": "Sunny."},
    ]


def ai_sdk(name: str) -> Items:
    return [
        {"role": "user", "content": [{"type": "text", "text": name}]},
        {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": name, "toolName": "weather"}]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": name, "output": {}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Sunny."}]},
    ]


def llama_index(name: str) -> Items:
    calls = {"tool_calls": [{"id": name, "type": "function", "function": {"name": "weather"}}]}
    return [
        {"role": "user", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": name}]},
        {"role": "assistant", "additional_kwargs": calls, "blocks": []},
        {
            "role": "tool",
            "additional_kwargs": {"tool_call_id": name},
            "blocks": [{"block_type": "text", "text": "Sun"}],
        },
        {"role": "assistant", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "Sunny."}]},
    ]


TURNS_ARE_KNOWN = [anthropic, anthropic_with_media, ag_ui, ollama, ai_sdk]
OTHERS = [bedrock, gemini, agent_framework, pydantic_ai, adk, claude_transcript, llama_index]


@pytest.mark.parametrize("shape", [*TURNS_ARE_KNOWN, *OTHERS])
async def test_a_conversation_is_given_whole_or_not_at_all(shape: Any) -> None:
    """
    Fails without: items/dialects/openai_kinds.py, `_is_content`, `_holds_more`; items/window_builder.py, `_keep_whole`.
    """
    await with_turns(shape)


async def with_turns(shape: Any) -> None:
    session = SQLiteSession(shape.__name__)
    turns = [shape(name) for name in "abc"]
    everything = [item for turn in turns for item in turn]
    await session.add_items(everything)
    assert Part.UNKNOWN in {part_of(item) for item in everything}
    assert await session.get_items() == await session.window() == await session.window(12) == everything
    report = await session.repair(apply=True)
    assert (report.damages, report.repaired) == ((), False)
    assert await session.usage.tools() == []
    assert [item for turn in await session.turns() for item in turn.items] == everything
    if shape in TURNS_ARE_KNOWN:
        assert [turn.items for turn in await session.turns()] == turns
        assert await session.window(7) == await session.window(turns=1) == turns[2]
        assert await session.undo() == turns[2]
    for items in range(1, 4):
        with pytest.raises(UnknownFormatError):
            await session.window(items)


@pytest.mark.parametrize("shape", [*TURNS_ARE_KNOWN, *OTHERS])
async def test_settings_that_repair_and_compact_leave_it_alone(shape: Any) -> None:
    async def count(items: Items) -> str:
        return f"{len(items)} items"

    when = Compaction(count, above=Window(items=2), keep_items=2)
    session = SQLiteSession(shape.__name__, session_settings={"repair": True, "compaction": when})
    turns = [shape(name) for name in "ab"]
    await session.add_items([*turns[0], *turns[1]])
    shown = await session.get_items()
    # Between turns that are known there is an end.
    summarised = [{"role": "user", "content": "4 items"}, *turns[1]]
    assert shown == (summarised if shape in TURNS_ARE_KNOWN else [*turns[0], *turns[1]])

"""Calls of tools per turn, and which of them failed or were never answered."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AsyncSQLiteSession, ToolUse, UndecodableItemError

if TYPE_CHECKING:
    from pathlib import Path

USER = {"role": "user", "content": "?"}


def call(call_id: str, name: str = "f", type_: str = "function_call", **more: Any) -> dict[str, Any]:
    return {"type": type_, "call_id": call_id, "name": name, "arguments": "{}", **more}


def output(call_id: str, type_: str = "function_call_output", **more: Any) -> dict[str, Any]:
    return {"type": type_, "call_id": call_id, "output": "done", **more}


def chat_calls(**names: str) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": name}} for id_, name in names.items()]
    return {"role": "assistant", "content": None, "tool_calls": calls}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param([call("1"), output("1")], ("f", 1, 0, 0), id="answered"),
        pytest.param([call("1")], ("f", 1, 0, 1), id="not answered"),
        pytest.param(
            [call("1"), call("2"), output("1"), output("2", status="incomplete")], ("f", 2, 1, 0), id="several"
        ),
        pytest.param([call("1"), output("2", status="failed")], ("f", 1, 0, 1), id="the output of another call"),
        pytest.param([call("1"), output("1", status="completed", error=None)], ("f", 1, 0, 0), id="no error"),
        pytest.param([call("1"), output("1"), output("1", error="x")], ("f", 1, 0, 0), id="an output of no call"),
        pytest.param([call("1"), output("1", error="x")], ("f", 1, 1, 0), id="error"),
        pytest.param([call("1"), output("1", is_error=True)], ("f", 1, 1, 0), id="is_error"),
        pytest.param([call("1"), output("1", is_error=False)], ("f", 1, 0, 0), id="is_error is false"),
        pytest.param([call("1", status="failed"), output("1", status="failed")], ("f", 1, 1, 0), id="failed once"),
        pytest.param([call("1", status="incomplete"), output("1")], ("f", 1, 1, 0), id="the call failed"),
        pytest.param([call("1"), output("1", output=[{"type": "input_text"}])], ("f", 1, 0, 0), id="a list"),
        pytest.param(
            [
                call("1", "", "shell_call"),
                output("1", "shell_call_output", output=[{"outcome": {"type": "exit", "exit_code": 0}}]),
            ],
            ("shell_call", 1, 0, 0),
            id="shell",
        ),
        pytest.param(
            [
                call("1", "", "shell_call"),
                output(
                    "1",
                    "shell_call_output",
                    output=[{"outcome": {"type": "exit", "exit_code": code}} for code in (0, 2)],
                ),
            ],
            ("shell_call", 1, 1, 0),
            id="shell, failed",
        ),
        pytest.param(
            [
                call("1", "", "shell_call"),
                output("1", "shell_call_output", output=[{"outcome": {"type": "timeout"}}]),
            ],
            ("shell_call", 1, 1, 0),
            id="shell, out of time",
        ),
        pytest.param(
            [{"type": "web_search_call", "id": "1", "status": "completed"}], ("web_search_call", 1, 0, 0), id="h"
        ),
        pytest.param(
            [{"type": "web_search_call", "id": "1", "status": "failed"}], ("web_search_call", 1, 1, 0), id="h, f"
        ),
        pytest.param(
            [{"type": "mcp_call", "id": "1", "server_label": "s", "name": "f", "error": {"code": 1}}],
            ("s.f", 1, 1, 0),
            id="mcp",
        ),
        pytest.param(
            [chat_calls(a="f", b="f"), {"role": "tool", "tool_call_id": "b", "content": "x"}],
            ("f", 2, 0, 1),
            id="chat",
        ),
        pytest.param(
            [
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "x"},
            ],
            ("f", 1, 0, 0),
            id="chat, function",
        ),
        pytest.param([{"role": "assistant", "tool_calls": [{"id": 3}]}], ("unknown", 1, 0, 1), id="chat, malformed"),
    ],
)
async def test_calls_failures_and_unanswered_calls(
    session: AsyncSQLiteSession, items: list[dict[str, Any]], expected: tuple[str, int, int, int]
) -> None:
    await session.add_items([USER, *items])

    tool, *numbers = expected
    assert await session.usage.tools() == [ToolUse(tool, 1, *numbers)]


async def test_each_call_in_a_message_counts_for_its_own_tool(session: AsyncSQLiteSession) -> None:
    await session.add_items([USER, chat_calls(a="a,b", b="c", c="a,b")])

    assert [(use.tool, use.calls) for use in await session.usage.tools()] == [("a,b", 2), ("c", 1)]


async def test_tools_are_counted_by_turn_along_a_branch(session: AsyncSQLiteSession) -> None:
    await session.add_items([call("0", "early"), output("0")])
    await session.add_items([USER, call("1", "z"), output("1"), call("2", "a"), output("2")])
    # Some providers number their calls from 1 in each turn.
    await session.add_items([USER, call("1", "z")])
    await session.branches.create("what-if", turn=2)

    early, a, z = ToolUse("early", 0, 1, 0, 0), ToolUse("a", 1, 1, 0, 0), ToolUse("z", 1, 1, 0, 0)
    assert await session.usage.tools() == [early, a, z, ToolUse("z", 2, 1, 0, 1)]
    assert await session.usage.tools("what-if") == [early, a, z]
    assert await session.on_branch("what-if").usage.tools() == [early, a, z]
    assert len(await session.on_branch("what-if").usage.tools("main")) == 4


async def test_what_cannot_be_read_is_left_out_or_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "conversations.db"
    session, strict = AsyncSQLiteSession("s", path), AsyncSQLiteSession("s", path, strict=True)
    await session.add_items([USER, call("1"), output("1"), call("2", "g")])
    connection = sqlite3.connect(path)
    connection.execute("update agent_log_entries set payload = x'ff' where tool_name = 'g'")
    connection.commit()
    connection.close()

    assert await session.usage.tools() == [ToolUse("f", 1, 1, 0, 0)]
    assert "at positions 4 cannot be read" in caplog.text
    with pytest.raises(UndecodableItemError, match="positions 4"):
        await strict.usage.tools()
    await session.close()
    await strict.close()

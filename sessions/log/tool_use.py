"""How often tools were called on a branch, and how often in vain."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sessions.items.calls import answered_by, calls_of
from sessions.items.kinds import HOSTED_TOOL_CALL, TOOL_OUTPUT
from sessions.log.history.outline import read_outline
from sessions.log.statements.usage import TOOLS_FORWARD
from sessions.types import ToolUse

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.items.calls import Call
    from sessions.log.conversation import Conversation
    from sessions.log.core.entries import StoredEntry

_FAILED = ("failed", "incomplete")
_UNNAMED = "unknown"


class _Call:
    """A call of a tool; whether it failed and whether it was answered shows later."""

    __slots__ = ("answered", "failed", "tool", "turn")

    def __init__(self, tool: str, turn: int, *, failed: bool, answered: bool) -> None:
        self.tool = tool
        self.turn = turn
        self.failed = failed
        self.answered = answered


def read_tools(tx: Transaction, conversation: Conversation, branch: str | None) -> tuple[list[ToolUse], list[int], str]:
    """Return the calls of tools on a branch by turn and tool, in this order.

    Returns:
        The calls, the positions of entries that could not be decoded, and the branch's name.

    Raises:
        UnknownBranchError: There is no such branch.
    """
    entries, undecodable, name = read_outline(tx, conversation, branch, TOOLS_FORWARD)
    calls: list[_Call] = []
    waiting: dict[Call | None, _Call] = {}
    for entry in entries:
        if entry.kind == TOOL_OUTPUT:
            call = waiting.pop(answered_by(entry.item), None)
            if call is not None:
                call.answered = True
                call.failed = call.failed or _failed(entry.item)
            continue
        for made, call in _calls(entry):
            calls.append(call)
            if made:
                waiting[made] = call
    return _counted(calls), undecodable, name


def _counted(calls: list[_Call]) -> list[ToolUse]:
    places = Counter((call.turn, call.tool) for call in calls)
    failures = Counter((call.turn, call.tool) for call in calls if call.failed)
    unanswered = Counter((call.turn, call.tool) for call in calls if not call.answered)
    return [
        ToolUse(tool, turn, count, failures[turn, tool], unanswered[turn, tool])
        for (turn, tool), count in sorted(places.items())
    ]


def _calls(entry: StoredEntry) -> list[tuple[Call | None, _Call]]:
    """Return the calls that an item makes, each with what its output answers, if it is to have one."""
    item, turn = entry.item, entry.turn
    if entry.kind == HOSTED_TOOL_CALL:
        return [(None, _Call(entry.tool_name or _UNNAMED, turn, failed=_failed(item), answered=True))]
    found = calls_of(item)
    if "type" in item and item["type"] not in (None, "message"):
        tools = [entry.tool_name or _UNNAMED]
    else:
        # Functions, as they were before tools, have no ids: their outputs name them.
        tools = [_name_of(call) for call in item.get("tool_calls") or [{"function": item.get("function_call")}]]
    return [
        (call, _Call(tool, turn, failed=_failed(item), answered=False))
        for call, tool in zip(found, tools, strict=False)
    ]


def _name_of(call: Any) -> str:
    function = call.get("function") or call.get("custom")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else _UNNAMED


def _failed(item: dict[str, Any]) -> bool:
    """Tell whether a call or an output says that it failed."""
    if item.get("status") in _FAILED or item.get("error") is not None or item.get("is_error") is True:
        return True
    output = item.get("output")
    return any(_command_failed(part) for part in output) if isinstance(output, list) else False


def _command_failed(part: Any) -> bool:
    """Tell whether a command of a shell ended with an error, or not in time."""
    outcome = part.get("outcome") if isinstance(part, dict) else None
    return isinstance(outcome, dict) and (outcome.get("type") == "timeout" or outcome.get("exit_code") not in (None, 0))

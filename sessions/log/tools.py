"""How often tools were called on a branch, and how often in vain."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sessions.log.classify import HOSTED_TOOL_CALL, TOOL_OUTPUT
from sessions.log.outline import read_outline
from sessions.log.usage_statements import TOOLS_FORWARD
from sessions.model import ToolUse

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation
    from sessions.log.entries import StoredEntry
    from sessions.log.transaction import Transaction

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
    waiting: dict[str, _Call] = {}
    for entry in entries:
        if entry.kind == TOOL_OUTPUT:
            call = waiting.pop(_answers(entry), None)
            if call is not None:
                call.answered = True
                call.failed = call.failed or _failed(entry.item)
            continue
        for call_id, call in _calls(entry):
            calls.append(call)
            waiting[call_id] = call
    return _counted(calls), undecodable, name


def _counted(calls: list[_Call]) -> list[ToolUse]:
    places = Counter((call.turn, call.tool) for call in calls)
    failures = Counter((call.turn, call.tool) for call in calls if call.failed)
    unanswered = Counter((call.turn, call.tool) for call in calls if not call.answered)
    return [
        ToolUse(tool, turn, count, failures[turn, tool], unanswered[turn, tool])
        for (turn, tool), count in sorted(places.items())
    ]


def _calls(entry: StoredEntry) -> list[tuple[str, _Call]]:
    """Return the calls that an item makes, each with what its output will name it by."""
    item = entry.item
    hosted = entry.kind == HOSTED_TOOL_CALL
    if item.get("type") not in (None, "message"):
        call_id = item.get("call_id") or item.get("id")
        tool = entry.tool_name or _UNNAMED
        return [(str(call_id), _Call(tool, entry.turn, failed=_failed(item), answered=hosted))]
    made = item.get("tool_calls") or [{"function": item.get("function_call")}]
    found = []
    for call in made if isinstance(made, list) else []:
        function = (call.get("function") or call.get("custom")) if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        tool = name if isinstance(name, str) and name else _UNNAMED
        call_id = call.get("id") if isinstance(call, dict) else None
        # Functions, as they were before tools, have no ids: their outputs name them.
        found.append((str(call_id or tool), _Call(tool, entry.turn, failed=False, answered=False)))
    return found


def _answers(entry: StoredEntry) -> str:
    item = entry.item
    return str(item.get("call_id") or item.get("tool_call_id") or item.get("name"))


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

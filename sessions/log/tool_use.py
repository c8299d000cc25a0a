"""How often tools were called on a branch, and how often in vain."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sessions.items.calls import answers_of, calls_of, has_failed, tools_of
from sessions.items.kinds import HOSTED_TOOL_CALL, TOOL_OUTPUT
from sessions.log.history.outline import read_outline
from sessions.log.statements.usage import TOOLS_FORWARD
from sessions.types.usage import ToolUse

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.items.parts import Call
    from sessions.log.conversation import Conversation
    from sessions.log.core.entries import StoredEntry

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
        UnknownBranchError: The session has no such branch.
    """
    entries, undecodable, name = read_outline(tx, conversation, branch, TOOLS_FORWARD)
    calls: list[_Call] = []
    waiting: dict[Call, _Call] = {}
    for entry in entries:
        if entry.kind == TOOL_OUTPUT:
            for answered in answers_of(entry.item):
                if call := waiting.pop(answered, None):
                    call.answered = True
                    call.failed = call.failed or has_failed(entry.item)
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
    """Return the calls that an item makes, each with the key of its output, if it needs one."""
    is_hosted = entry.kind == HOSTED_TOOL_CALL
    tools = tools_of(entry.item)
    made: list[Call | None] = [None] * len(tools) if is_hosted else [*calls_of(entry.item)]
    failed = has_failed(entry.item)
    return [
        (call, _Call(tool or _UNNAMED, entry.turn, failed=failed, answered=is_hosted))
        for call, tool in zip(made, tools, strict=False)
    ]

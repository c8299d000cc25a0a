"""What providers refuse, written from their documentation alone: nothing here comes from the package under test.

Chat Completions (OpenAI API reference, "Chat: messages", and the texts of its errors):
    - "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    - "Messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
    - A message with ``function_call`` is followed by one of the role ``function`` with that name.
Responses (OpenAI API reference, "Responses: input items", and the texts of its errors):
    - "No tool output found for function call …", and for the other calls that the caller executes.
    - "No tool call found for function call output with call_id …".
    - "Item 'rs_…' of type 'reasoning' was provided without its required following item."
    - "Item '…' of type 'message' was provided without its required 'reasoning' item."
Anthropic ("Messages"), and those who took its rule over: the first message is the user's. Instructions of a system
or developer may come before; so may what stands for an older conversation.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

Item = dict[str, Any]

INSTRUCTIONS = ("system", "developer")
CALLER_EXECUTES = ("function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call")


def begins_wrongly(items: list[Item]) -> list[str]:
    roles = [item.get("role", item.get("type")) for item in items]
    spoken = [role for role in roles if role not in {*INSTRUCTIONS, "compaction"}]
    return [f"the first message is {spoken[0]!r}"] if spoken and spoken[0] != "user" else []


def refused_by_chat(messages: list[Item]) -> list[str]:
    """Why a list of Chat Completions messages is refused; empty if it is not."""
    errors = begins_wrongly(messages)
    expected: Counter[tuple[str, str]] = Counter()
    for number, message in enumerate(messages):
        if message["role"] in {"tool", "function"}:
            answers = (message["role"], message["tool_call_id" if message["role"] == "tool" else "name"])
            if not expected[answers]:
                errors.append(f"message {number} responds to no call")
            expected[answers] -= 1
            continue
        if +expected:
            errors.append(f"message {number} comes before the responses {sorted(+expected)}")
        expected = Counter(("tool", call["id"]) for call in message.get("tool_calls") or [])
        if message.get("function_call"):
            expected["function", message["function_call"]["name"]] += 1
    if +expected:
        errors.append(f"the responses {sorted(+expected)} are not there")
    return errors


def refused_by_responses(items: list[Item]) -> list[str]:
    """Why a list of items of the Responses API is refused; empty if it is not."""
    errors = begins_wrongly(items)
    expected: Counter[tuple[str, str]] = Counter()
    for number, item in enumerate(items):
        kind = item.get("type", "message")
        if kind in {*CALLER_EXECUTES, "apply_patch_call"}:
            expected[f"{kind}_output", item["call_id"]] += 1
        elif kind == "mcp_approval_request":
            expected["mcp_approval_response", item["id"]] += 1
        elif is_output(item):
            names = (kind, item["approval_request_id"] if kind == "mcp_approval_response" else item["call_id"])
            if not expected[names]:
                errors.append(f"item {number} is the output of no call")
            expected[names] -= 1
        elif kind == "reasoning":
            following = next((other for other in items[number:] if other.get("type") != "reasoning"), None)
            if following is None or following.get("role", "assistant") != "assistant" or is_output(following):
                errors.append(f"item {number} is reasoning without its following item")
    if +expected:
        errors.append(f"the outputs {sorted(+expected)} are not there")
    return errors


def torn_from_reasoning(history: list[Item], items: list[Item]) -> list[str]:
    """Which of `items`, that are objects of `history`, are there without the reasoning that led to them."""
    there = {id(item) for item in items}
    errors = []
    reasoning: list[int] = []
    for number, item in enumerate(history):
        if item.get("type") == "reasoning":
            reasoning.append(id(item))
        elif item.get("role", "assistant") != "assistant" or is_output(item):
            reasoning = []
        elif id(item) in there and not there.issuperset(reasoning):
            errors.append(f"item {number} of the history was provided without its reasoning")
    return errors


def is_output(item: Item) -> bool:
    return item.get("type", "").endswith("_output") or item.get("type") == "mcp_approval_response"

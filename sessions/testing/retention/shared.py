"""What the parts of the contract for retention share: turns, and turns that wait for something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.store.store import Store

DAY = 86_400


def user(text: str) -> dict[str, str]:
    """Return a user's message."""
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    """Return an assistant's message."""
    return {"role": "assistant", "content": text}


def call(call_id: str) -> dict[str, str]:
    """Return a call of a function."""
    return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": "{}"}


def output(call_id: str) -> dict[str, str]:
    """Return a call's output."""
    return {"type": "function_call_output", "call_id": call_id, "output": "x"}


_APPROVAL = {"type": "mcp_approval_request", "id": "r", "server_label": "s", "name": "n", "arguments": "{}"}
_CHAT_CALLS = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": call, "type": "function", "function": {"name": "look", "arguments": "{}"}} for call in ("1", "2")
    ],
}
_CHAT_OUTPUT = {"role": "tool", "tool_call_id": "1", "content": "x"}

WAITING: dict[str, list[Any]] = {
    "a call": [call("1")],
    "one of two calls": [call("1"), call("2"), output("1")],
    "an approval request": [_APPROVAL],
    "one of two calls in a message": [_CHAT_CALLS, _CHAT_OUTPUT],
    "a call in an older turn": [call("1"), user("and?"), answer("wait")],
    "a call whose id was used before": [call("1"), output("1"), call("1")],
}
NOT_WAITING: dict[str, list[Any]] = {
    "an answered call": [call("1"), output("1")],
    "a late output": [call("1"), user("and?"), output("1")],
    "a decision": [_APPROVAL, {"type": "mcp_approval_response", "approval_request_id": "r", "approve": True}],
    "a hosted call": [{"type": "web_search_call", "id": "1", "status": "completed"}],
}


async def texts_of(session: LogSession) -> str:
    """Return the texts of a session, joined."""
    return " ".join(item["content"] for item in await session.get_items())


async def ids_of(store: Store) -> set[str]:
    """Return the ids of a store's sessions."""
    return {info.session_id for info in await store.sessions()}


async def talk(session: LogSession, turns: int) -> None:
    """Add some turns, one by one."""
    for number in range(1, turns + 1):
        await session.add_items([user(f"u{number}"), answer(f"a{number}")])


async def changes(session: LogSession) -> Any:
    """Yield the changes of a session so far."""
    last = await session.version()
    async for change in session.watch(after=0):
        yield change
        if change.version >= last:
            return

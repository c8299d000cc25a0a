"""The same calls on the SDK's session and on ours, and what they return made comparable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession as SDKSession

    from sessions import AdvancedSQLiteSession

READS = [
    "get_items",
    "get_conversation_turns",
    "get_conversation_by_turns",
    "get_tool_usage",
]
_TIME = re.compile(r"2\d\d\d-[01]\d-[0-3]\d [0-2]\d:[0-5]\d:[0-5]\d")
_MADE_UP = re.compile(r"(branch_from_turn_\d+_)\d{10}")


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def turn(name: str) -> list[dict[str, Any]]:
    """A turn with calls of tools, the way the SDK's runner stores it."""
    return [
        user(f"question {name}"),
        {"type": "reasoning", "id": f"rs_{name}", "summary": []},
        {"type": "function_call", "call_id": f"{name}1", "name": "weather", "arguments": "{}"},
        {"type": "function_call", "call_id": f"{name}2", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": f"{name}1", "output": "sun"},
        {"type": "function_call_output", "call_id": f"{name}2", "output": "rain"},
        {"type": "web_search_call", "id": f"ws_{name}", "status": "completed"},
        {"type": "message", "id": f"m_{name}", "role": "assistant", "content": [{"type": "output_text", "text": name}]},
    ]


class Beside:
    """Both sessions, one beside the other."""

    def __init__(self, ours: AdvancedSQLiteSession, theirs: SDKSession) -> None:
        self.ours = ours
        self.theirs = theirs

    async def same(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method on both, assert that the same came of it, and return ours."""
        found = await _outcome(self.ours, method, *args, **options)
        expected = await _outcome(self.theirs, method, *args, **options)
        assert comparable(method, found) == comparable(method, expected), (method, args)
        return found

    async def reads(self, *branches: str | None) -> None:
        """Assert that everything reads the same, on the current branch and on others."""
        for branch in (None, *branches):
            for method in READS:
                await self.same(method, **({} if branch is None else {"branch_id": branch}))
            for text in ("question", "QUESTION", "a", "%", "\\"):
                await self.same("find_turns_by_content", text, branch)
            await self.same("get_items", 3, branch)
        await self.same("list_branches")


async def _outcome(session: Any, method: str, *args: Any, **options: Any) -> Any:
    try:
        return await getattr(session, method)(*args, **options)
    except ValueError as error:
        return type(error).__mro__[-4:]  # Ours are of a class of their own.


_ONLY_THEIRS = "cache_write_tokens_details"
"""Part of the details of input with some versions of the library ``openai``, and empty."""


def comparable(method: str, value: Any) -> Any:
    """Return what a method returned, with each time replaced, once it has the form of one.

    Made-up names hold a time, too; branches made in the same second come in any order from the SDK.
    """
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            if key == _ONLY_THEIRS:
                continue
            if key in {"timestamp", "created_at"}:
                assert _TIME.fullmatch(inner), inner
                found[key] = "a time"
            else:
                found[key] = comparable("", inner)
        return found
    if isinstance(value, list):
        items = [comparable("", item) for item in value]
        return sorted(items, key=lambda item: str(item["branch_id"])) if method == "list_branches" else items
    return _MADE_UP.sub(r"\g<1>TIME", value) if isinstance(value, str) else value

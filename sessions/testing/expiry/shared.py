"""Items that the parts of the contract for expiry share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions.session.base import LogSession


def user(text: str) -> dict[str, str]:
    """Return a message of a user."""
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    """Return an answer."""
    return {"role": "assistant", "content": text}


async def shown(session: LogSession, limit: int | None = None) -> str:
    """Return what the latest items say, all without a limit."""
    return " ".join(item["content"] for item in await session.get_items(limit))

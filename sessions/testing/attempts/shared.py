"""Items and failing attempts that the parts of the contract for attempts share."""

# ruff: noqa: PT012 - the end of a block raises.

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from typing import Literal

    from sessions.session.base import LogSession

    OnFailure = Literal["keep", "drop"]


class ProviderError(Exception):
    """An error that a block raises."""


async def add(session: LogSession, texts: str) -> None:
    """Add items that say the words of a text."""
    await session.add_items([item(text) for text in texts.split()])


async def shown(session: LogSession) -> str:
    """Return what the items of the current branch say."""
    return " ".join(found.get("content", found.get("type")) for found in await session.get_items())


async def currents(session: LogSession, turn: int) -> list[bool]:
    """Return which of the ways through a turn is the current one."""
    return [sibling.current for sibling in await session.siblings(turn)]


async def fail(session: LogSession, texts: str, *, turn: int | None = None, on_failure: OnFailure = "keep") -> None:
    """Begin an attempt, add items, and raise `ProviderError`."""
    with pytest.raises(ProviderError):
        async with session.attempt(turn, on_failure=on_failure) as tried:
            await add(tried, texts)
            raise ProviderError

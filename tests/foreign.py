"""A session of another library: it has the four methods, and nothing that this package adds."""

from __future__ import annotations

from typing import Any


class Foreign:
    """Another library's session, to which nothing may be added."""

    session_id = "s"
    session_settings = None

    async def get_items(self, limit: int | None = None) -> list[Any]:
        del limit
        return []

    async def add_items(self, items: list[Any]) -> None:
        raise AssertionError(items)

    async def pop_item(self) -> None: ...

    async def clear_session(self) -> None: ...

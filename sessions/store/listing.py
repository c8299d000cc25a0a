"""Finding sessions: the list of a store, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.validation import check_count

if TYPE_CHECKING:
    from sessions.db import Backend
    from sessions.types import SessionInfo


class Listing:
    """The part of a store that finds sessions."""

    _backend: Backend
    _lifetime: int | None

    async def sessions(self, *, limit: int = 100, after: str | None = None) -> list[SessionInfo]:
        """List one page of the store's sessions, newest first, as of one moment.

        Example: ``page = await store.sessions(limit=50)``

        The OpenAI Agents SDK's sessions appear after their first use or after `adopt`. Expired items are not counted.

        Args:
            limit: The maximum number of sessions.
            after: The `cursor` of the previous page's last session.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is not positive, or `after` is not a cursor.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        limit = check_count(limit, "limit", least=1)
        from sessions.log.lifetime.catalog import list_sessions  # noqa: PLC0415 - many programs never ask for the list

        return await self._backend.read(lambda tx: list_sessions(tx, now(), limit, after, self._lifetime), "the store")

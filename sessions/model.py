"""Frozen records: what the store knows of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class SessionInfo:
    """A session in a store's list.

    Attributes:
        session_id: The id it was made with.
        created_at: When its first item was added (UTC).
        updated_at: When it was last changed (UTC).
        item_count: How many items its current branch holds.
        cursor: Where this session stands in the list; an opaque text for `Store.sessions(after=…)`. It stays valid
            when the session is deleted.
    """

    session_id: str
    created_at: datetime
    updated_at: datetime
    item_count: int
    cursor: str

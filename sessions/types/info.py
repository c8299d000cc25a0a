"""Frozen records of a session's name, its owner, and its place in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

    from sessions.labels import Owner

MAX_TITLE_BYTES: Final = 1024
MAX_TAG_BYTES: Final = 255
MAX_TAGS: Final = 64
MAX_METADATA_BYTES: Final = 65_536
"""In JSON. Larger things are no title or metadata."""


@dataclass(frozen=True, kw_only=True)
class Info:
    """Notes of people and programs about a session.

    Example: ``title = (await session.info()).title``

    Attributes:
        owner: The session's owner: a text, or a tuple of two or more labels; ``None`` without one.
        title: Its title; ``None`` without one.
        tags: Its tags, in the order in which they were given.
        metadata: A JSON object of the caller's; empty unless set.
        archived: Whether it is archived, so that ``store.sessions(archived=False)`` leaves it out.
        version: How often `set_info` has set something; 0 if never.
    """

    owner: Owner | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any]
    archived: bool = False
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class SessionInfo(Info):
    """A session in a store's list.

    Example: ``titles = [found.title for found in await store.sessions(owner="ann")]``

    Attributes:
        session_id: The session's id.
        created_at: When its first item was added (UTC).
        updated_at: When it was last changed (UTC).
        active_at: When it was last active (UTC), to a minute: lists are in this order. Setting its info and
            encrypting it again are no activity.
        item_count: The number of items on its current branch.
        unreadable: Whether the title, tags and metadata are missing here because they are encrypted, and the store has
            no key for them or they were altered.
        cursor: The session's place in this list, an opaque text for ``store.sessions(after=…)``. It stays valid after
            the session is deleted.
    """

    session_id: str
    created_at: datetime
    updated_at: datetime
    active_at: datetime
    item_count: int
    unreadable: bool = False
    cursor: str


@dataclass(frozen=True, kw_only=True)
class StoreStats:
    """The numbers of a store.

    Example: ``print((await store.stats()).sessions)``

    Attributes:
        sessions: The number of sessions.
        archived: The number of those that are archived.
        encrypted: The number of those that are encrypted.
        branches: The number of branches of all sessions. Former tips that undo left behind do not count.
        entries: The number of stored entries of all sessions, those undone, expired or summarised among them.
        usage: The number of usage records.
        bytes: The room on the disk: on SQLite that of the file, on servers that of our tables and their indexes;
            MariaDB estimates it.
        memories: The number of memories that have not expired.
        namespaces: The number of namespaces with such memories.
        created_at: When the first of the sessions was made (UTC); ``None`` without any.
        updated_at: When the last change was made (UTC); ``None`` without any.
        threads: The number of threads of LangGraph that have not expired.
        checkpoints: The number of their checkpoints.
    """

    sessions: int
    archived: int
    encrypted: int
    branches: int
    entries: int
    usage: int
    bytes: int
    created_at: datetime | None
    updated_at: datetime | None
    memories: int = 0
    namespaces: int = 0
    threads: int = 0
    checkpoints: int = 0

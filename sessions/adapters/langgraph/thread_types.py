"""A saver's answers about threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sessions.labels import Owner


@dataclass(frozen=True)
class ThreadInfo:
    """A thread in a list.

    Attributes:
        thread_id: Its id.
        owner: Its owner; ``None`` without one.
        created_at: When its first checkpoint was stored (UTC).
        updated_at: When its last one was (UTC).
        expires_at: When it expires, unless it changes (UTC); ``None`` for never.
        checkpoint_id: Its latest checkpoint, of the graph itself; ``None`` without any.
        source: Why that one was stored: ``"input"``, ``"loop"``, ``"update"`` or ``"fork"``.
        step: Its number in the thread: -1 for the first input.
        metadata: All its metadata.
        namespaces: How many namespaces the thread has: one, and one for each graph within that has a state of its own.
        cursor: Continues the list behind it.
    """

    thread_id: str
    owner: Owner | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    checkpoint_id: str | None
    source: str | None
    step: int | None
    metadata: Mapping[str, Any]
    namespaces: int
    cursor: str


class Pruned(NamedTuple):
    """The rows that were pruned, or would be.

    Attributes:
        checkpoints: How many checkpoints went.
        writes: How many tasks' writes went with them.
        bytes: The bytes of their contents.
        kept: How many checkpoints only stay because a ``DeltaChannel`` is rebuilt from them; they are not listed.
    """

    checkpoints: int = 0
    writes: int = 0
    bytes: int = 0
    kept: int = 0

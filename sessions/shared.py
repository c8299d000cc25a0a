"""What a session offers to those who share it: its version, and who said what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sessions.arguments import MAX_NAME_BYTES, check_count, check_text
from sessions.clock import as_time
from sessions.history import History
from sessions.log.append import version_of
from sessions.log.conversation import NEVER
from sessions.log.entries import read_entry_page
from sessions.model import Entry

if TYPE_CHECKING:
    from sessions.log.entries import StoredEntry
    from sessions.speaker import Speaker


class Shared(History):
    """Part of every session over the log."""

    _author: str | None = None

    async def version(self) -> int:
        """Return the session's version: each change raises it, so who finds the same one again has missed nothing.

        It never repeats, also not after clearing; only when the session was deleted does it begin anew. A number that
        is left out means nothing. To add only to what was read, ask for the version first, then read, then add with
        `expected_version`.

        Returns:
            The version; 0 for a session that is not there yet.

        Raises:
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        handle = self._handle
        return await handle.read(lambda tx: version_of(tx, handle.conversation.session_id))

    @property
    def speaker(self) -> Speaker:
        """The agent that is speaking through this object: for authors of hooks for frameworks."""
        return self._speaker

    def as_author(self, name: str | None) -> Self:
        """Return an object for the same session that says of all it adds who has added it.

        It begins on the branch that this object is on, and shares its hold on the database. Where hooks tell which
        agent is speaking, what agents add has their names, and the rest this one.

        Args:
            name: The author's name, of 1 to 255 bytes in UTF-8; ``None`` to leave it open.

        Raises:
            TypeError: `name` is neither text nor ``None``.
            ValueError: `name` is empty, too long, or has a NUL character in it.
        """
        author = self._with(self._handle.copy())
        author._author = None if name is None else check_text(name, "name", MAX_NAME_BYTES)  # noqa: SLF001
        return author

    async def entries(
        self, limit: int | None = None, *, before: int | None = None, after: int | None = None
    ) -> list[Entry]:
        """Return the branch's items with what the store knows of each, oldest first, as of one moment.

        Args:
            limit: How many at most: the last ones; with `after`, the first ones.
            before: Only what stands before this position: ``entries(20, before=page[0].position)``.
            after: Only what stands behind this position: ``entries(20, after=page[-1].position)``.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is out of range.
            DecryptionError: The session is sealed with another key, or an entry is not what was stored there.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        for name, value, least in (("limit", limit, 1), ("before", before, 1), ("after", after, 0)):
            if value is not None:
                check_count(value, name, least=least)
        handle = self._handle
        positions = after or 0, before
        entries, undecodable, handle.followed = await handle.read(
            lambda tx: read_entry_page(tx, handle.conversation, handle.pinned, positions, limit, backward=after is None)
        )
        handle.report(undecodable)
        return [_as_entry(entry) for entry in entries]


def _as_entry(entry: StoredEntry) -> Entry:
    return Entry(
        position=entry.position,
        turn=entry.turn,
        kind=entry.kind,
        tool=entry.tool_name,
        author=entry.author,
        created_at=as_time(entry.created_at),
        expires_at=None if entry.expires_at is None or entry.expires_at >= NEVER else as_time(entry.expires_at),
        item=entry.item,
    )

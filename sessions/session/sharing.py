"""Sharing a session between agents and processes: versions, authors, leases, handovers and entries."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Self

from sessions.clock import NEVER, as_time, now
from sessions.errors import UndecodableItemError
from sessions.log.append import version_of
from sessions.session.part import SessionPart
from sessions.validation import (
    MAX_KEY_BYTES,
    MAX_NAME_BYTES,
    check_count,
    check_flags,
    check_page,
    check_seconds,
    check_text,
    check_timeout,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta

    from sessions.db.transaction import Transaction
    from sessions.log.core.entries import StoredEntry
    from sessions.session.attribution import Speaker
    from sessions.session.leases import Lease, Wanted
    from sessions.types import Entry


class Sharing(SessionPart):
    """Versions, authors, leases, handovers and entries."""

    async def version(self) -> int:
        """Return the session's version. Every change raises it, so an equal version means that nothing changed.

        Example: ``version = await session.version()``

        Versions never repeat, even after `clear_session`; they start again only if the session is deleted. Gaps between
        versions have no meaning. To append only if no other caller did: ask for the version, read, then pass the
        version to `add_items` as `expected_version`.

        Returns:
            The version; 0 for a session that does not exist yet.

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        handle = self._handle
        return await handle.read(lambda tx: version_of(tx, handle.conversation))

    @property
    def speaker(self) -> Speaker:
        """Get the agent that currently speaks through this object. For authors of framework hooks.

        Example: ``session.speaker.begins("triage")``
        """
        return self._handle.speaker

    def as_author(self, name: str | None) -> Self:
        """Return an object for the same session that records an author with everything it adds.

        Example: ``await session.as_author("triage").add_items(items)``

        It begins on this object's branch and shares its database connection. If hooks report the speaking agent, the
        agent's items get that agent's name, and all other items get this one.

        Args:
            name: The author's name, of 1 to 255 bytes in UTF-8; ``None`` to record no author.

        Raises:
            TypeError: `name` is neither a string nor ``None``.
            ValueError: `name` is empty or too long, or contains a NUL character.
        """
        author = None if name is None else check_text(name, "name", MAX_NAME_BYTES)
        return self._with(self._handle.by_author(author))

    @property
    def held(self) -> Lease | None:
        """Get the lease that this object holds, with its branch and token; ``None`` without one.

        Example: ``token = leased.held.token``
        """
        return self._handle.lease

    def lease(
        self,
        *,
        holder: str | None = None,
        ttl: float | timedelta = 60,
        on_busy: Literal["wait", "reject", "fork"] = "wait",
        timeout: float | timedelta = 60,
        exclusive: bool = False,
    ) -> AbstractAsyncContextManager[Self]:
        """Lease the branch, so that no other caller can lease it until the block ends.

        Example: ``async with session.lease() as leased: await leased.add_items(items)``

        The block gets a session of the same kind that holds the lease (`held`). It stays on the branch that was current
        when the block began, or on this object's own branch. The lease is renewed in the background. If renewing fails
        for longer than `ttl`, for example because the process is suspended, others may lease or change the branch. From
        then on, the former holder's changes raise `LeaseLostError` and write nothing.

        **By default, callers without a lease can still change the branch**: append, pop, undo, redo, choose a sibling
        or clear; only renaming it is refused. With `exclusive`, all their changes are refused.

        Args:
            holder: The holder's name, shown in the errors that others get: text of 1 to 255 bytes.
            ttl: How long the lease lasts without renewal, in seconds or as a `timedelta`. Choose it well above the
                difference between the machines' clocks.
            on_busy: The reaction to another caller's lease. ``"wait"``: wait until the branch is free, in the order
                of arrival. ``"reject"``: raise at once. ``"fork"``: fork the branch as it was when the other lease
                began, and lease the fork; `held` has its name.
            timeout: The longest time to wait, in seconds or as a `timedelta`.
            exclusive: Refuse every change by callers without the lease, in every process: they get `SessionBusyError`.

        Raises:
            SessionBusyError: On entering: another caller held a lease on the branch for the whole `timeout`.
            UnknownBranchError: On entering: the branch no longer exists.
            StoreError: On entering: the database refused the operation.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or this object already holds a lease.
        """
        from sessions.session.leases import Wanted

        self._handle.refuse_in_attempt("take a lease")
        if self.held is not None:
            raise ValueError(
                f"session {self.session_id!r}: this object already holds a lease. Nothing was leased. Use it "
                "inside the block, or lease another session object."
            )
        if on_busy not in ("wait", "reject", "fork"):
            raise ValueError(
                f"on_busy must be 'wait', 'reject' or 'fork', got {on_busy!r}. Nothing was leased. Leave it out "
                "to wait."
            )
        check_flags(exclusive=exclusive)
        patience = check_timeout(timeout, "timeout")
        name = None if holder is None else check_text(holder, "holder", MAX_NAME_BYTES)
        return self._leased(Wanted(name, check_seconds(ttl, "ttl"), on_busy, patience, not exclusive))

    @asynccontextmanager
    async def _leased(self, wanted: Wanted) -> AsyncIterator[Self]:
        from sessions.session.leases import give_back, keep, take

        handle = self._handle
        lease = await take(handle, wanted)
        renewing = await keep(handle, lease, wanted.ttl)
        try:
            yield self._with(handle.leased(lease))
        finally:
            await give_back(handle, lease, renewing)

    async def handover(self, to: str, *, note: str | None = None) -> None:
        """Record on the branch that another agent or person continues the conversation.

        Example: ``await session.handover("billing", note="The customer wants a refund.")``

        Models never see the record, limits do not count it, and `pop_item` skips it. `entries` returns it with the item
        ``{"type": "handover", "to": …, "note": …}`` and the current author, and `watch` reports it. A handover changes
        no permissions: use `lease` for that.

        Args:
            to: The agent or person that continues: text of 1 to 255 bytes.
            note: A message for them.

        Raises:
            TypeError: An argument is not a string.
            ValueError: `to` is empty or too long, or contains a NUL character.
            InvalidItemError: `note` cannot be stored, for example because of a lone surrogate.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        from sessions.log.context.handover import hand_over

        check_text(to, "to", MAX_NAME_BYTES)
        if note is not None and not isinstance(note, str):
            raise TypeError(
                f"note must be a string, not {type(note).__name__}. Nothing was added. Pass text, or leave it out."
            )
        handle = self._handle
        content = {"type": "handover", "to": to, **({} if note is None else {"note": note})}
        payload = handle.encoded(content, "the note")
        how: dict[str, Any] = {"author": handle.agent, "lifetime": handle.lifetime}
        await handle.write(lambda tx: hand_over(tx, handle.conversation, now(), payload, branch=handle.target, **how))

    async def entries(
        self, limit: int | None = None, *, before: int | None = None, after: int | None = None
    ) -> list[Entry]:
        """Return the branch's items with position, turn, kind, author and times, oldest first, as of one moment.

        Example: ``page = await session.entries(20)``

        The result includes items that a summary replaces and entries that models never see, such as handovers: see
        `Entry.hidden`.

        Args:
            limit: The maximum number of entries: the last ones; with `after`, the first ones.
            before: Only entries before this position: ``entries(20, before=page[0].position)``.
            after: Only entries after this position: ``entries(20, after=page[-1].position)``.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is out of range.
            DecryptionError: The session is encrypted with another key, or a stored entry was altered.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.core.entries import read_entry_page

        limit, before, after = check_page(limit, before, after)
        handle = self._handle
        positions = after or 0, before

        def read(tx: Transaction) -> tuple[list[Entry], list[int], str]:
            backward = after is None
            found = read_entry_page(tx, handle.conversation, handle.pinned, positions, limit, backward=backward)
            # Converted inside the read, so that an impossible time is reported as damage.
            return [_as_entry(entry) for entry in found[0]], *found[1:]

        entries, undecodable, handle.followed = await handle.read(read)
        handle.report(undecodable)
        return entries

    async def entry(self, position: int | None = None, *, id: str | None = None, key: str | None = None) -> Entry:  # noqa: A002
        """Return one entry: by its position on the branch, by its id, or by its item's key. Give exactly one of them.

        Example: ``entry = await session.entry(id=entry_id)``

        An id or a key is found in the whole session, on other branches and in undone turns too. If several entries
        have the key, the one on this object's branch is returned, else the one that was added last.

        Args:
            position: The entry's position on this object's branch.
            id: The entry's `Entry.id`.
            key: The key that `add_items` was given for the item.

        Raises:
            UnknownEntryError: The session has no such entry, or it has expired.
            TypeError: An argument has the wrong type, or not exactly one was given.
            ValueError: `position` is below 1, or `key` cannot be a key.
            DecryptionError: The session is encrypted with another key, or the stored entry was altered.
            UndecodableItemError: The stored item cannot be read.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.core.one_entry import Wanted, read_entry
        from sessions.log.core.reader import UNREADABLE

        if sum(given is not None for given in (position, id, key)) != 1:
            raise TypeError(
                f"session {self.session_id!r}: position, id and key cannot be combined or all be left out. Nothing was "
                "read. Give one of them."
            )
        wanted = Wanted(
            None if position is None else check_count(position, "position", least=1),
            id,
            None if key is None else check_text(key, "key", MAX_KEY_BYTES),
        )
        handle = self._handle

        def read(tx: Transaction) -> tuple[Entry, str]:
            found, branch = read_entry(tx, handle.conversation, handle.pinned, wanted)
            if found.item is UNREADABLE:
                raise UndecodableItemError(
                    f"session {self.session_id!r}: the stored item at position {found.position} cannot be read. "
                    "Nothing was changed. Open the session with the codec that stored the item."
                )
            return _as_entry(found), branch

        entry, branch = await handle.read(read)
        if position is not None:
            handle.followed = branch
        return entry


def _as_entry(entry: StoredEntry) -> Entry:
    from sessions.log.context.annotations import is_mark
    from sessions.log.words import MARK
    from sessions.types import Entry

    return Entry(
        id=entry.id.text,
        parent_id=entry.parent.text if entry.parent else None,
        position=entry.position,
        turn=entry.turn,
        kind=entry.kind.removeprefix(MARK),
        tool=entry.tool_name,
        author=entry.author,
        key=entry.key,
        created_at=as_time(entry.created_at),
        expires_at=None if entry.expires_at is None or entry.expires_at >= NEVER else as_time(entry.expires_at),
        item=entry.item,
        hidden=is_mark(entry.kind),
    )

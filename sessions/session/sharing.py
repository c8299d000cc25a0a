"""What a session offers to those who share it: its version, and who said what."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Self

from sessions.clock import NEVER, as_time, now
from sessions.log.append import version_of
from sessions.session.part import SessionPart
from sessions.validation import MAX_NAME_BYTES, check_page, check_seconds, check_text, check_timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta

    from sessions.db.transaction import Transaction
    from sessions.log.core.entries import StoredEntry
    from sessions.session.attribution import Speaker
    from sessions.session.leases import Lease, Wanted
    from sessions.types import Entry


class Shared(SessionPart):
    """Versions, authors, leases, handovers and entries."""

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
        return await handle.read(lambda tx: version_of(tx, handle.conversation))

    @property
    def speaker(self) -> Speaker:
        """The agent that is speaking through this object: for authors of hooks for frameworks."""
        return self._handle.speaker

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
        author = None if name is None else check_text(name, "name", MAX_NAME_BYTES)
        return self._with(self._handle.by_author(author))

    @property
    def held(self) -> Lease | None:
        """The lease that this object holds: its branch, its token and whether it is known to be lost."""
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
        """Lease the branch: ``async with session.lease() as leased: await Runner.run(…, session=leased)``.

        The block gets a session of the same kind that holds the lease (`held`). It stays on the branch that was the
        current one then, or on this object's own. Until the block ends, no other caller gets a lease there. The lease
        is renewed in the background. If that fails for longer than `ttl`, because the process is stopped or gone,
        others may lease or change the branch; from then on the late holder gets `LeaseLostError` and writes nothing.

        **By default, callers without a lease may still change the branch meanwhile**: append, pop, undo, redo, choose a
        sibling or clear; only renaming it is refused. With `exclusive` they are refused.

        Args:
            holder: The holder's name, for the errors that others get: text of 1 to 255 bytes.
            ttl: Seconds or a `timedelta` for which the lease holds unless renewed; well above what clocks differ by.
            on_busy: What to do while another caller holds a lease. ``"wait"``: until the branch is free, in the order
                of arrival. ``"reject"``: raise at once. ``"fork"``: make a branch of what there was when the other
                lease began, and lease that one; `held` has its name.
            timeout: Seconds or a `timedelta` to wait at most.
            exclusive: Refuse every change by callers without the lease, in every process: `SessionBusyError`.

        Raises:
            SessionBusyError: On entering: another caller holds a lease on the branch, and did so for `timeout` seconds.
            UnknownBranchError: On entering: the branch is not there any more.
            StoreError: On entering: the database refused.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or this object holds a lease already.
        """
        from sessions.session.leases import Wanted

        if self.held is not None:
            raise ValueError(f"session {self.session_id!r}: this object holds a lease already")
        if on_busy not in {"wait", "reject", "fork"}:
            raise ValueError(f"on_busy must be 'wait', 'reject' or 'fork', got {on_busy!r}")
        if not isinstance(exclusive, bool):
            raise TypeError(f"exclusive must be True or False, not {type(exclusive).__name__}")
        patience = check_timeout(timeout, "timeout")
        name = None if holder is None else check_text(holder, "holder", MAX_NAME_BYTES)
        return self._leased(Wanted(name, check_seconds(ttl, "ttl"), on_busy, patience, not exclusive))

    @asynccontextmanager
    async def _leased(self, wanted: Wanted) -> AsyncIterator[Self]:
        from sessions.session.leases import give_back, renew, take

        handle = self._handle
        lease = await take(handle, wanted)
        renewing = asyncio.create_task(renew(handle, lease, wanted.ttl))
        try:
            yield self._with(handle.leased(lease))
        finally:
            await give_back(handle, lease, renewing)

    async def handover(self, to: str, *, note: str | None = None) -> None:
        """Note on the branch that somebody else goes on with the conversation.

        No model is shown that, it counts in no limit, and `pop_item` leaves it where it is. `entries` has it, with the
        item ``{"type": "handover", "to": …, "note": …}`` and who handed over as its author; `watch` tells of it. It
        gives nobody a right and takes none away: for that, there are leases.

        Args:
            to: Who goes on: text of 1 to 255 bytes.
            note: What they should know.

        Raises:
            TypeError: An argument is no text.
            ValueError: `to` is empty, too long, or has a NUL character in it.
            InvalidItemError: `note` cannot be stored, as a lone surrogate cannot.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        from sessions.log.context.handover import hand_over

        check_text(to, "to", MAX_NAME_BYTES)
        if note is not None and not isinstance(note, str):
            raise TypeError(f"note must be a string, not {type(note).__name__}")
        handle = self._handle
        content = {"type": "handover", "to": to, **({} if note is None else {"note": note})}
        payload = handle.encoded(content, "the note")
        how: dict[str, Any] = {"author": handle.agent, "lifetime": handle.lifetime}
        await handle.write(lambda tx: hand_over(tx, handle.conversation, now(), payload, branch=handle.target, **how))

    async def entries(
        self, limit: int | None = None, *, before: int | None = None, after: int | None = None
    ) -> list[Entry]:
        """Return the branch's items with what the store knows of each, oldest first, as of one moment.

        Also those that a summary stands for, and what no model is shown, as handovers: see `Entry.hidden`.

        Args:
            limit: How many at most: the last ones; with `after`, the first ones.
            before: Only what stands before this position: ``entries(20, before=page[0].position)``.
            after: Only what stands behind this position: ``entries(20, after=page[-1].position)``.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is out of range.
            DecryptionError: The session is encrypted with another key, or an entry is not what was stored there.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.core.entries import read_entry_page

        limit, before, after = check_page(limit, before, after)
        handle = self._handle
        positions = after or 0, before

        def read(tx: Transaction) -> tuple[list[Entry], list[int], str]:
            backward = after is None
            found = read_entry_page(tx, handle.conversation, handle.pinned, positions, limit, backward=backward)
            # Here, as times that cannot be true are told as damage.
            return [_as_entry(entry) for entry in found[0]], *found[1:]

        entries, undecodable, handle.followed = await handle.read(read)
        handle.report(undecodable)
        return entries


def _as_entry(entry: StoredEntry) -> Entry:
    from sessions.log.context.annotations import is_mark
    from sessions.log.words import MARK
    from sessions.types import Entry

    return Entry(
        position=entry.position,
        turn=entry.turn,
        kind=entry.kind.removeprefix(MARK),
        tool=entry.tool_name,
        author=entry.author,
        created_at=as_time(entry.created_at),
        expires_at=None if entry.expires_at is None or entry.expires_at >= NEVER else as_time(entry.expires_at),
        item=entry.item,
        hidden=is_mark(entry.kind),
    )

"""Sharing a session between agents and processes: versions, authors, leases, handovers and entries.

Made by scripts/build_blocking.py from sessions/session/sharing.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Block, run
from sessions.blocking.objects import SessionPart

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from typing import Literal, Self

    import sessions.session.sharing
    from sessions.session.attribution import Speaker
    from sessions.session.leases import Lease
    from sessions.types import Entry


class Sharing(SessionPart):
    """Versions, authors, leases, handovers and entries."""

    _async: sessions.session.sharing.Sharing

    def version(self) -> int:
        """Return the session's version. Every change raises it, so an equal version means that nothing changed.

        Example: ``version = session.version()``

        Versions never repeat, even after `clear_session`; they start again only if the session is deleted. Gaps between
        versions have no meaning. To append only if no other caller did: ask for the version, read, then pass the
        version to `add_items` as `expected_version`.

        Returns:
            The version; 0 for a session that does not exist yet.

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        return run(self._async.version())

    @property
    def speaker(self) -> Speaker:
        """Get the agent that currently speaks through this object. For authors of framework hooks.

        Example: ``session.speaker.begins("triage")``
        """
        return self._async.speaker

    def as_author(self, name: str | None) -> Self:
        """Return an object for the same session that records an author with everything it adds.

        Example: ``session.as_author("triage").add_items(items)``

        It begins on this object's branch and shares its database connection. If hooks report the speaking agent, the
        agent's items get that agent's name, and all other items get this one.

        Args:
            name: The author's name, of 1 to 255 bytes in UTF-8; ``None`` to record no author.

        Raises:
            TypeError: `name` is neither a string nor ``None``.
            ValueError: `name` is empty or too long, or contains a NUL character.
        """
        return self._like(self._async.as_author(name))

    @property
    def held(self) -> Lease | None:
        """Get the lease that this object holds, with its branch and token; ``None`` without one.

        Example: ``token = leased.held.token``
        """
        return self._async.held

    def lease(
        self,
        *,
        holder: str | None = None,
        ttl: float | timedelta = 60,
        on_busy: Literal["wait", "reject", "fork"] = "wait",
        timeout: float | timedelta = 60,
        exclusive: bool = False,
    ) -> AbstractContextManager[Self]:
        """Lease the branch, so that no other caller can lease it until the block ends.

        Example: ``with session.lease() as leased: leased.add_items(items)``

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
        return Block(
            self._async.lease(holder=holder, ttl=ttl, on_busy=on_busy, timeout=timeout, exclusive=exclusive), self._like
        )

    def handover(self, to: str, *, note: str | None = None) -> None:
        """Record on the branch that another agent or person continues the conversation.

        Example: ``session.handover("billing", note="The customer wants a refund.")``

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
        run(self._async.handover(to, note=note))

    def entries(self, limit: int | None = None, *, before: int | None = None, after: int | None = None) -> list[Entry]:
        """Return the branch's items with position, turn, kind, author and times, oldest first, as of one moment.

        Example: ``page = session.entries(20)``

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
        return run(self._async.entries(limit, before=before, after=after))

    def entry(self, position: int | None = None, *, id: str | None = None, key: str | None = None) -> Entry:
        """Return one entry: by its position on the branch, by its id, or by its item's key. Give exactly one of them.

        Example: ``entry = session.entry(id=entry_id)``

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
        return run(self._async.entry(position, id=id, key=key))

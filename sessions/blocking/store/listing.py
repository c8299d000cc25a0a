"""Finding sessions: lists by owner, tag and activity, page by page.

Made by scripts/build_blocking.py from sessions/store/listing.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from datetime import date

    import sessions.store.listing
    from sessions.labels import Owner
    from sessions.log.lifetime.catalog import Order
    from sessions.types import Entry
    from sessions.types.info import SessionInfo, StoreStats
    from sessions.validation import Default


class Listing(Part):
    """The part of a store that finds sessions. The rest is `Store`."""

    _async: sessions.store.listing.Listing

    def sessions(
        self,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        tag: str | None = None,
        archived: bool | None = None,
        since: date | None = None,
        order: Order = "active",
        limit: int = 100,
        after: str | None = None,
    ) -> list[SessionInfo]:
        """List one page of the store's sessions, the latest first, as of one moment.

        Example: ``page = store.sessions(owner="ann", archived=False, limit=20)``

        A page costs the same however many sessions there are, except with `below` or ``order="created"`` and an owner:
        then all sessions of these owners are looked at. A session that is active while you page may appear twice; no
        other one is missed. The OpenAI Agents SDK's sessions appear after their first use or after `adopt`. Expired
        items are not counted.

        Args:
            owner: Only sessions of this owner. ``None`` is refused, as a login that failed must not list everything.
            below: Only sessions of owners whose labels begin with these: ``below=("acme",)`` has those of
                ``("acme", "ann")`` and of ``"acme"`` itself.
            tag: Only sessions with this tag. Encrypted sessions cannot be found by tags.
            archived: Only archived sessions, or only others.
            since: Only sessions that were changed then or later: a `datetime` with a time zone, or a `date` in UTC.
            order: ``"active"``: the session that was active last comes first. A session moves at most once a minute.
                ``"created"``: the newest session comes first.
            limit: The maximum number of sessions.
            after: The `cursor` of the previous page's last session.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range; or `after` is not a cursor of a list in this order; or the store
                encrypts its sessions, and a tag is given.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(
            self._async.sessions(
                owner=owner, below=below, tag=tag, archived=archived, since=since, order=order, limit=limit, after=after
            )
        )

    def get(self, session_id: str) -> SessionInfo | None:
        """Return a session's row in lists; ``None`` if there is no such session.

        Example: ``found = store.get("user_123")``

        Raises:
            TypeError: `session_id` is not text.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.get(session_id))

    def count(
        self,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        tag: str | None = None,
        archived: bool | None = None,
        since: date | None = None,
    ) -> int:
        """Return the number of sessions that `sessions` lists with the same arguments. It looks at each of them.

        Example: ``store.count(owner="ann")``

        Args:
            owner: As for `sessions`.
            below: As for `sessions`.
            tag: As for `sessions`.
            archived: As for `sessions`.
            since: As for `sessions`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range; or the store encrypts its sessions, and a tag is given.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.count(owner=owner, below=below, tag=tag, archived=archived, since=since))

    def stats(self) -> StoreStats:
        """Count the store's sessions, entries, memories, threads and bytes, as of one moment.

        It looks at each row, and needs no key.

        Example: ``entries = store.stats().entries``

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.stats())

    def find(self, key: str, *, owner: Owner | Default = DEFAULT, limit: int = 100) -> list[tuple[str, Entry]]:
        """Find the entries whose items were added with a key, one of each session, with the sessions' ids.

        Example: ``[(session_id, entry)] = store.find("msg_1")``

        In each session, it is the entry that `LogSession.entry` returns for the key. The latest made session comes
        first. Keys of popped, removed and expired items are not found.

        Args:
            key: A key as given to ``add_items(items, keys=[…])``.
            owner: Only sessions of this owner.
            limit: The maximum number of sessions.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            MissingKeyError: A session with the key is encrypted, and the store was opened without a key.
            DecryptionError: A session is encrypted with another key, or a stored entry was altered.
            UndecodableItemError: A stored item cannot be read.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.find(key, owner=owner, limit=limit))

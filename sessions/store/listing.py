"""Finding sessions: lists by owner, tag and activity, page by page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sessions.clock import check_moment, now
from sessions.errors import DamagedSessionError, DecryptionError, OwnerError
from sessions.labels import encode_owner, given_owner
from sessions.log.conversation import visible_at
from sessions.validation import DEFAULT, MAX_KEY_BYTES, check_count, check_session_id, check_text

if TYPE_CHECKING:
    from datetime import date

    from sessions.db import Backend
    from sessions.db.transaction import Transaction
    from sessions.labels import Owner
    from sessions.log.adopt.sdk import SDKSessions
    from sessions.log.encryption.session_encryption import SessionEncryption
    from sessions.log.lifetime.catalog import Filter, Listed, Order
    from sessions.session.base import LogSession
    from sessions.store.maintenance import Encryption
    from sessions.types import Entry
    from sessions.types.info import SessionInfo, StoreStats
    from sessions.validation import Default


class Listing(ABC):
    """The part of a store that finds sessions. The rest is `Store`."""

    _backend: Backend
    _encryption: Encryption | None
    _lifetime: int | None
    _sdk: SDKSessions

    @abstractmethod
    def session(self, session_id: str, *, owner: Owner | Default = DEFAULT) -> LogSession:
        """Return the session with an id, as `Store.session` does.

        Example: ``session = store.session("user_123")``
        """

    async def sessions(
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

        Example: ``page = await store.sessions(owner="ann", archived=False, limit=20)``

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
        wanted = self._filter(owner, below, tag, archived, since)
        limit = check_count(limit, "limit", least=1)
        if order not in ("active", "created"):
            raise ValueError(
                f"order must be 'active' or 'created', got {order!r}. Nothing was read. Leave it out for 'active'."
            )
        # Many programs never ask for the list.
        from sessions.log.lifetime.catalog import Page, Place, find_sessions, parse_cursor  # noqa: PLC0415

        page = Page(order, limit, Place() if after is None else parse_cursor(after, order))
        found = await self._backend.read(lambda tx: find_sessions(tx, wanted, page, now(), self._lifetime), "the store")
        return await self._opened(found, order)

    async def get(self, session_id: str) -> SessionInfo | None:
        """Return a session's row in lists; ``None`` if there is no such session.

        Example: ``found = await store.get("user_123")``

        Raises:
            TypeError: `session_id` is not text.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.core.elsewhere import check_absent  # noqa: PLC0415 - as above
        from sessions.log.lifetime.catalog import Filter, Page, find_sessions  # noqa: PLC0415 - as above

        wanted = Filter(session_id=check_session_id(session_id))
        handle = self.session(session_id)._handle  # noqa: SLF001 - it is one of ours

        def find(tx: Transaction) -> list[Listed]:
            found = find_sessions(tx, wanted, Page(), now(), self._lifetime)
            if not found:
                check_absent(tx, handle.conversation)
            return found

        found = await self._opened(await handle.read(find), "active")
        return found[0] if found else None

    async def count(
        self,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        tag: str | None = None,
        archived: bool | None = None,
        since: date | None = None,
    ) -> int:
        """Return the number of sessions that `sessions` lists with the same arguments. It looks at each of them.

        Example: ``await store.count(owner="ann")``

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
        from sessions.log.lifetime.catalog import count  # noqa: PLC0415 - as above

        wanted = self._filter(owner, below, tag, archived, since)
        return await self._backend.read(lambda tx: count(tx, wanted), "the store")

    async def stats(self) -> StoreStats:
        """Count the store's sessions, entries, memories, threads and bytes, as of one moment.

        It looks at each row, and needs no key.

        Example: ``entries = (await store.stats()).entries``

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.lifetime.stats import read_stats  # noqa: PLC0415 - as above
        from sessions.store.components import components_there  # noqa: PLC0415 - as above

        _, *others = await components_there(self._backend, self._sdk.tables)
        whole = self._backend.joined_by(others) if others else self._backend
        try:
            return await whole.read(partial(read_stats, others=others), "the store")
        finally:
            if others:
                await whole.aclose()

    async def find(self, key: str, *, owner: Owner | Default = DEFAULT, limit: int = 100) -> list[tuple[str, Entry]]:
        """Find the entries whose items were added with a key, one of each session, with the sessions' ids.

        Example: ``[(session_id, entry)] = await store.find("msg_1")``

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
        from sessions.errors import UnknownEntryError  # noqa: PLC0415 - as above
        from sessions.log.core.item_keys import find_sessions  # noqa: PLC0415 - as above

        key, limit = check_text(key, "key", MAX_KEY_BYTES), check_count(limit, "limit", least=1)
        owned = given_owner(owner)
        wanted = None if owned is None else encode_owner(owned)
        visible = visible_at(now(), self._lifetime)
        found = await self._backend.read(lambda tx: find_sessions(tx, key, wanted, limit, visible), "the store")
        entries: list[tuple[str, Entry]] = []
        for session_id in found:
            # Since, it may have been removed, or have become another owner's.
            with suppress(UnknownEntryError, OwnerError):
                entries.append((session_id, await self.session(session_id, owner=owner).entry(key=key)))
        return entries

    def _filter(
        self,
        given: Owner | Default,
        given_below: Owner | Default,
        tag: str | None,
        archived: object,
        since: date | None,
    ) -> Filter:
        from sessions.log.lifetime.catalog import Filter  # noqa: PLC0415 - as above
        from sessions.session.info import check_tag  # noqa: PLC0415 - as above

        owner, below = given_owner(given), given_owner(given_below, "below")
        if owner is not None and below is not None:
            raise ValueError("owner and below cannot be combined. Nothing was read. Give one of them.")
        if archived is not None and not isinstance(archived, bool):
            raise TypeError(
                f"archived must be True, False or None, not {type(archived).__name__}. Nothing was read. Pass a bool."
            )
        if tag is not None and self._encryption is not None:
            raise ValueError(
                "this store encrypts its sessions, including tags, so it cannot find sessions by a "
                "tag. Nothing was read. "
                "List the owner's sessions, and look at the tags of each."
            )
        return Filter(
            None if owner is None else encode_owner(owner),
            None if below is None else encode_owner(below, "below"),
            None if tag is None else check_tag(tag),
            archived,
            None if since is None else check_moment(since, "since"),
        )

    async def _opened(self, found: list[Listed], order: Order) -> list[SessionInfo]:
        from sessions.crypto.subject import with_keys  # noqa: PLC0415 - as above
        from sessions.log.lifetime.catalog import as_listed, details_of  # noqa: PLC0415 - as above

        encryption: SessionEncryption | None = None
        if self._encryption is not None:
            encryption = self.session("any")._handle.conversation.encryption  # noqa: SLF001 - it decrypts all sessions
        opened = []
        for one in found:
            try:
                details = await with_keys(lambda: details_of(one, encryption))  # noqa: B023 - awaited at once
            except (DecryptionError, DamagedSessionError):
                # One session that was altered does not keep the others from being listed.
                details = None
            opened.append(as_listed(one, order, details))
        return opened

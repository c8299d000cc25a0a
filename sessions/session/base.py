"""`LogSession`: the session over the log that users hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.clock import now
from sessions.codecs.argument import checked_codec
from sessions.items.kinds import USER
from sessions.labels import encode_owner
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.lifetime.remove import clear
from sessions.log.pop import Pop
from sessions.log.read import ReadTail
from sessions.protocol import SettingsLimit, as_given, check_limit, coerce_settings
from sessions.session.adding import as_listed, prepare_append
from sessions.session.compaction import Compactions
from sessions.session.corrections import Corrections
from sessions.session.handle import Handle
from sessions.session.history import History
from sessions.session.info import Description
from sessions.session.searching import Searching
from sessions.session.sharing import Sharing
from sessions.session.verifying import Verifying
from sessions.session.watching import Watching
from sessions.session.windows import Windows
from sessions.validation import (
    DEFAULT,
    PURGE_BATCH,
    Default,
    check_flags,
    check_session_id,
    check_ttl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from sessions.codecs import Codec
    from sessions.db import Backend
    from sessions.labels import Owner
    from sessions.protocol import Settings
    from sessions.types import Item
    from sessions.types.memories import Put

_FOREIGN = ForeignTables()


class LogSession(History, Sharing, Compactions, Windows, Watching, Description, Corrections, Searching, Verifying):
    """A conversation in a store. Any number of tasks, threads and event loops may use one object.

    Programs usually get one from `open_store(…).session(id)`, or use `SQLiteSession` or `SQLAlchemySession`.

    Args:
        session_id: The conversation's id: text of 1 to 1024 bytes in UTF-8, compared byte by byte.
        backend: The database, as an object that runs transactions.
        session_settings: Defaults for reading: settings of this package or of the OpenAI Agents SDK, or a dictionary.
        foreign: The OpenAI Agents SDK's tables in the same database, in which the conversation may already be.
        strict: Raise `UndecodableItemError` for a stored item that cannot be read, instead of skipping it with a logged
            warning.
        codec: The types that items may contain and their stored form: `PlusCodec(types=[…])`; plain JSON by default.
        ttl: Time to live in seconds. Items that this object adds expire then, for every reader; items that it reads are
            never older, even if another object added them. ``None`` keeps items until an expiry of their own.
        owner: The owner that the conversation must have. A new one gets it. ``None`` allows any owner.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `session_id`, a setting, the name of a table or `ttl` is not allowed.
    """

    def __init__(
        self,
        session_id: str,
        backend: Backend,
        *,
        session_settings: Settings | None = None,
        foreign: ForeignTables | None = None,
        strict: bool = False,
        codec: Codec | None = None,
        ttl: float | timedelta | None = None,
        owner: Owner | None = None,
    ) -> None:
        self.session_id = check_session_id(session_id)
        check_flags(strict=strict)
        self.session_settings = as_given(session_settings)
        tables = foreign.check() if foreign else _FOREIGN
        conversation = Conversation(
            session_id,
            checked_codec(codec),
            SDKSessions(tables),
            ttl=check_ttl(ttl),
            owner=None if owner is None else encode_owner(owner),
        )
        self._handle = Handle(conversation, backend, strict=strict)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.session_id!r})"

    async def get_items(self, limit: int | None = None, *, wrapper: object = None) -> list[Item]:
        """Return the latest `limit` items, oldest first, as of one moment.

        Example: ``items = await session.get_items(limit=20)``

        Args:
            limit: The exact maximum. 0 returns an empty list. ``None`` means `session_settings.limit`, or all items if
                that is ``None`` too. If `session_settings.window` is set, ``None`` or a limit that a runner takes from
                settings returns that window, with at most that many items. A summary counts as the items that it shows.
            wrapper: Ignored. The OpenAI Agents SDK's runner passes its run context here; subclasses may use it.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        del wrapper
        if limit is None or isinstance(limit, SettingsLimit):
            settings = coerce_settings(self.session_settings)
            limit = settings.limit if limit is None else limit
            check_limit(limit)
            if settings.repair:
                await self._repair_last_turn()
            if settings.compaction is not None:
                await self._compact_by(settings.compaction)
            if settings.window is not None:
                return [] if limit == 0 else await self._read_window(settings.window.within(limit))
            # Database drivers accept int itself, but not every subclass of it.
            limit = None if limit is None else int(limit)
        check_limit(limit)
        handle = self._handle
        read = ReadTail(handle.conversation, limit, handle.pinned)
        tail = await handle.read(read)
        handle.followed = tail.branch
        handle.report(tail.undecodable)
        return tail.items

    async def add_items(
        self,
        items: Sequence[Mapping[str, object]],
        *,
        idempotency_key: str | None = None,
        keys: Sequence[str | None] | None = None,
        ttl: float | timedelta | Default | None = DEFAULT,
        expected_version: int | None = None,
        memories: Sequence[Put] = (),
        wrapper: object = None,
    ) -> None:
        """Append items, all or none, next to each other. They are on disk when this returns.

        Example: ``await session.add_items([{"role": "user", "content": "Hello"}])``

        Args:
            items: JSON objects, oldest first; or dictionaries of anything that the session's codec accepts.
            idempotency_key: Text of 1 to 255 bytes. Adding the same items again with the same key does nothing, from
                any process; they expire as after the first call. A key is remembered for 30 days, even after
                `clear_session`. A key used in an `attempt` counts in that attempt alone until the attempt succeeds; if
                it fails, the key counts as new.
            keys: An id of its own for each item, or ``None``: text of 1 to 255 bytes. An item whose key the branch has
                seen is skipped, also if the item was popped or has expired since; the others are added. A key is
                remembered while its item is stored, and for 30 days after it was added in any case. On a branch
                without the item, as after `undo`, it is added there, unless the item was redacted or removed. Keys are
                not encrypted.
            ttl: Seconds after which these items expire, for every reader; ``None`` for never. The session's `ttl` if
                not given.
            expected_version: The result of `version` from before the session was read. Nothing is added if the session
                has changed since. A retry with the same `idempotency_key` recognises its own earlier append.
            memories: Memories of the store that are put in the same transaction: all is done, or nothing. A retry with
                the same `idempotency_key` puts none again.
            wrapper: Ignored, as in `get_items`.

        Raises:
            ConflictError: The session's version is not `expected_version`, or a memory's is not its `if_version`.
            SessionBusyError: Another caller holds an exclusive lease on the branch, at any version.
            LeaseLostError: This object's lease was lost.
            InvalidItemError: An item is not a JSON object, or contains a value that the codec cannot store; the message
                gives the item and the place in it.
            IdempotencyKeyReusedError: The key was used before with other items.
            ItemKeyConflictError: One of `keys` belongs to another item of the session.
            TypeError: An argument has the wrong type.
            ValueError: A key is empty or too long, or contains a NUL character; `idempotency_key` begins with a control
                character; `keys` has another length than `items`, or the same key twice; `ttl` is not positive or above
                a hundred years; or `expected_version` is negative.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        del wrapper
        handle = self._handle
        items = as_listed(items)
        append = prepare_append(
            handle, items, idempotency_key=idempotency_key, keys=keys, ttl=ttl, expected_version=expected_version
        )
        entries = append.entries
        if memories or not isinstance(memories, list | tuple):
            # Few programs have memories.
            from sessions.session.with_memories import append_with  # noqa: PLC0415

            await append_with(handle, append, memories)
        else:
            await handle.append(append)
        if any(entry.kind != USER for entry in entries):
            handle.speaker.has_spoken()
        if handle.titles is not None:
            message = next((item for item, entry in zip(items, entries, strict=True) if entry.kind == USER), None)
            if message is not None:
                await handle.titles.after(handle, message)

    async def pop_item(self, *, wrapper: object = None) -> Item | None:
        """Remove the last item and return it, or return ``None`` if the branch is empty.

        Example: ``last = await session.pop_item()``

        Args:
            wrapper: Ignored, as in `get_items`.

        Raises:
            UndecodableItemError: The last stored item cannot be read, and the session is strict; nothing was removed.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        del wrapper
        handle = self._handle
        item, undecodable = await handle.write(
            Pop(handle.conversation, now(), strict=handle.strict, branch=handle.target)
        )
        handle.report(undecodable)
        return item

    async def clear_session(self, *, wrapper: object = None) -> None:
        """Delete all items in all branches, physically. Afterwards ``main`` is the current branch.

        Example: ``await session.clear_session()``

        Args:
            wrapper: Ignored, as in `get_items`.

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        del wrapper
        handle = self._handle
        handle.refuse_in_attempt("clear the session")
        await handle.write(lambda tx: clear(tx, handle.conversation, now()))
        handle.followed = None

    def close(self) -> Any:
        """Close this object, as `aclose` does. Await the result, unless the class says otherwise.

        Example: ``await session.close()``
        """
        return self.aclose()

    async def aclose(self) -> None:
        """Close this object: later calls on it raise `SessionClosedError`. Closing it again does nothing.

        Example: ``await session.aclose()``

        Closing is optional: a garbage-collected object releases the database too. A session of a store leaves the store
        open; a session made by its own constructor releases its database connection.
        """
        from sessions.db.closed import ClosedBackend  # noqa: PLC0415 - a store's sessions are rarely closed

        self._handle.backend = ClosedBackend()

    async def purge_expired(
        self, *, older_than: float | timedelta | Default | None = DEFAULT, batch: int = PURGE_BATCH
    ) -> int:
        """Delete expired items physically, in all branches. Readers do not see them anyway.

        Example: ``deleted = await session.purge_expired()``

        It deletes items past their own expiry, and items without one that are older than `older_than`. It works in
        short transactions, so other writers do not wait long; after an interruption, the deleted items stay deleted.

        Args:
            older_than: Age in seconds; this object's `ttl` if not given. ``None`` deletes only items past their own
                expiry.
            batch: The maximum number of items deleted in one transaction.

        Returns:
            The number of deleted items.

        Raises:
            MissingKeyError: The session is encrypted but was opened without a key; nothing was deleted.
            DecryptionError: The session is encrypted with another key; nothing was deleted.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        handle = self._handle
        age = self._handle.conversation.ttl if older_than is DEFAULT else check_ttl(older_than, "older_than")
        from sessions.log.lifetime.purge import Expired  # noqa: PLC0415 - many programs never purge
        from sessions.session.purging import purge_session  # noqa: PLC0415 - as above

        return await purge_session(handle, Expired(handle.conversation.now, age), batch)

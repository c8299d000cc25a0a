"""`LogSession`: the session over the log that users hold.

Made by scripts/build_blocking.py from sessions/session/base.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.session.compaction import Compactions
from sessions.blocking.session.corrections import Corrections
from sessions.blocking.session.history import History
from sessions.blocking.session.info import Description
from sessions.blocking.session.searching import Searching
from sessions.blocking.session.sharing import Sharing
from sessions.blocking.session.verifying import Verifying
from sessions.blocking.session.watching import Watching
from sessions.blocking.session.windows import Windows
from sessions.validation import DEFAULT, PURGE_BATCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    import sessions.session.base
    from sessions.types import Item
    from sessions.types.memories import Put
    from sessions.validation import Default


class LogSession(History, Sharing, Compactions, Windows, Watching, Description, Corrections, Searching, Verifying):
    """A conversation in a store. Any number of threads may use one object.

    Programs usually get one from `open_store(…).session(id)`, or use `SQLiteSession` or `SQLAlchemySession`.
    """

    _async: sessions.session.base.LogSession

    def get_items(self, limit: int | None = None, *, wrapper: object = None) -> list[Item]:
        """Return the latest `limit` items, oldest first, as of one moment.

        Example: ``items = session.get_items(limit=20)``

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
        return run(self._async.get_items(limit, wrapper=wrapper))

    def add_items(
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

        Example: ``session.add_items([{"role": "user", "content": "Hello"}])``

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
        run(
            self._async.add_items(
                items,
                idempotency_key=idempotency_key,
                keys=keys,
                ttl=ttl,
                expected_version=expected_version,
                memories=memories,
                wrapper=wrapper,
            )
        )

    def pop_item(self, *, wrapper: object = None) -> Item | None:
        """Remove the last item and return it, or return ``None`` if the branch is empty.

        Example: ``last = session.pop_item()``

        Args:
            wrapper: Ignored, as in `get_items`.

        Raises:
            UndecodableItemError: The last stored item cannot be read, and the session is strict; nothing was removed.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        return run(self._async.pop_item(wrapper=wrapper))

    def clear_session(self, *, wrapper: object = None) -> None:
        """Delete all items in all branches, physically. Afterwards ``main`` is the current branch.

        Example: ``session.clear_session()``

        Args:
            wrapper: Ignored, as in `get_items`.

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        run(self._async.clear_session(wrapper=wrapper))

    def purge_expired(
        self, *, older_than: float | timedelta | Default | None = DEFAULT, batch: int = PURGE_BATCH
    ) -> int:
        """Delete expired items physically, in all branches. Readers do not see them anyway.

        Example: ``deleted = session.purge_expired()``

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
        return run(self._async.purge_expired(older_than=older_than, batch=batch))

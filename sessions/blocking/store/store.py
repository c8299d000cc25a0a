"""A store: one database with many sessions.

Made by scripts/build_blocking.py from sessions/store/store.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Entered, run
from sessions.blocking.memories.memories import Memories
from sessions.blocking.objects import session_of
from sessions.blocking.store.exports import Exports
from sessions.blocking.store.maintenance import Maintenance
from sessions.blocking.store.moving import Moving
from sessions.blocking.store.searching import StoreSearch
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, timedelta

    import sessions.store.store
    from sessions.blocking.session.base import LogSession
    from sessions.codecs import Codec
    from sessions.labels import Owner
    from sessions.protocol import Settings
    from sessions.session.titles import MakeTitle
    from sessions.session.usage.prices import Price
    from sessions.types.usage import UsageRow
    from sessions.validation import Default


class Store(StoreSearch, Maintenance, Moving, Exports, Entered):
    """Many sessions in one database. Get one from `open_store`; it is also an context manager.

    Example: ``with open_store("sqlite:///chat.db") as store: store.session("user_123").get_items()``
    """

    _async: sessions.store.store.Store

    def session(
        self,
        session_id: str,
        *,
        session_settings: Settings | None = None,
        strict: bool = False,
        codec: Codec | None = None,
        ttl: float | timedelta | Default | None = DEFAULT,
        owner: Owner | Default = DEFAULT,
        title: MakeTitle | Default | None = DEFAULT,
    ) -> LogSession:
        """Return the session with an id. This does no I/O; a session exists once it has its first item.

        Example: ``session = store.session("user_123")``

        Args:
            session_id: The conversation's id: text of 1 to 1024 bytes in UTF-8, compared byte by byte.
            session_settings: Defaults for reading: `SessionSettings` or a dictionary.
            strict: Raise `UndecodableItemError` for a stored item that cannot be read, instead of skipping it with a
                logged warning.
            codec: The types that its items may contain; the store's codec by default.
            ttl: As for `SQLiteSession`; the store's by default. With ``None`` in a store that has a `ttl`, items added
                here never expire, and purging the store spares them.
            owner: The session's owner: ``"ann"``, or labels as ``("acme", "ann")``. A new session gets it. If the
                session belongs to another owner, or has none, each operation raises `OwnerError`. Leave it out to allow
                any. ``None`` is refused, as it may come from a login that failed.
            title: As for `open_store`; the store's function by default.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `session_id`, a setting, `ttl` or `owner` is not allowed.
        """
        return session_of(
            self._async.session(
                session_id,
                session_settings=session_settings,
                strict=strict,
                codec=codec,
                ttl=ttl,
                owner=owner,
                title=title,
            )
        )

    @property
    def memories(self) -> Memories:
        """Get the store's memories: an agent's knowledge across conversations.

        Example: ``store.memories.put(("users", "alice"), "style", {"text": "prefers short answers"})``
        """
        return Memories(self._async.memories)

    def usage(
        self,
        *keys: str,
        session: str | None = None,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        author: str | None = None,
        prices: Mapping[str, Price] | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[UsageRow]:
        """Sum up the model calls of all sessions, in rows, ordered by the keys' values.

        Example: ``rows = store.usage("model", "day", prices={"gpt-5": Price(1.25, 10)})``

        Deleted sessions are not included. The cost rises with the number of usage records.

        Args:
            keys: Any of "session", "owner", "turn", "model", "agent", "author" and "day" (in UTC); one row in all
                without keys.
            session: Only usage of the session with this id.
            owner: Only usage of this owner's sessions.
            below: Only usage of sessions of owners whose labels begin with these, as in `sessions`.
            author: Only usage that was recorded through an object of this author: ``session.as_author("ann")``.
            prices: Prices by model, for records without a cost of their own.
            since: Only records from this time on: a `datetime` with a time zone, or a `date` in UTC.
            until: Only records from before this time.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A key is unknown, or a time has no time zone, or another argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(
            self._async.usage(
                *keys, session=session, owner=owner, below=below, author=author, prices=prices, since=since, until=until
            )
        )

    def delete(self, session_id: str) -> bool:
        """Delete a session with all its branches and usage. Return whether it existed.

        Example: ``existed = store.delete("user_123")``

        Its rows in the OpenAI Agents SDK's tables of the same database are deleted too; otherwise it would be copied
        again.

        Raises:
            TypeError: `session_id` is not a string.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.delete(session_id))

    def close(self) -> None:
        """Close the store: later calls on it or on its sessions raise `SessionClosedError`.

        Example: ``store.close()``

        A cancelled caller still waits until the store is closed, and then gets its `CancelledError`.
        """
        run(self._async.close())

"""A session over the log: what users hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.clock import NEVER, now
from sessions.codecs import Codec
from sessions.codecs.json import JSONCodec
from sessions.errors import InvalidItemError
from sessions.items.calls import classify
from sessions.items.kinds import USER
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.append import Append, Idempotency
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.core.extend import NewEntry
from sessions.log.core.idempotency import FIRST_GIVEN
from sessions.log.lifetime.remove import clear
from sessions.log.pop import Pop
from sessions.log.read import ReadTail
from sessions.protocol import SettingsLimit, as_given, check_limit, coerce_settings
from sessions.session.compaction import Compacting
from sessions.session.handle import Handle
from sessions.session.history import History
from sessions.session.sharing import Shared
from sessions.session.watching import Watched
from sessions.session.windows import Windowed
from sessions.validation import (
    DEFAULT,
    MAX_KEY_BYTES,
    PURGE_BATCH,
    Default,
    check_count,
    check_session_id,
    check_text,
    check_ttl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from sessions.db import Backend
    from sessions.protocol import Settings
    from sessions.types import Item

_JSON = JSONCodec()
_FOREIGN = ForeignTables()


class LogSession(History, Shared, Compacting, Windowed, Watched):
    """A conversation in a store. It may be used from any number of tasks, threads and event loops.

    Args:
        session_id: The conversation's id: text of 1 to 1024 bytes in UTF-8, compared byte by byte.
        backend: Where transactions run.
        session_settings: How it is read when the caller does not say; ours, the OpenAI Agents SDK's or a dictionary.
        foreign: The tables in which the OpenAI Agents SDK may have kept this conversation in the same database.
        strict: Raise `UndecodableItemError` for a stored item that cannot be read, rather than leave it out and log
            a warning.
        codec: What items may hold, and how they are written: `PlusCodec(types=[…])`; plain JSON if not given.
        ttl: Seconds after which an item is gone: what this object adds expires then, for every reader, and what it
            reads is never older, whoever added it. ``None``: for ever, but for what was added with an expiry.

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
    ) -> None:
        self.session_id = check_session_id(session_id)
        self.session_settings = as_given(session_settings)
        tables = foreign.check() if foreign else _FOREIGN
        conversation = Conversation(session_id, _checked(codec), SDKSessions(tables), ttl=check_ttl(ttl))
        self._handle = Handle(conversation, backend, strict=strict)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.session_id!r})"

    async def get_items(self, limit: int | None = None, *, wrapper: object = None) -> list[Item]:
        """Return the latest `limit` items, oldest first, as of one moment.

        Args:
            limit: ``None`` means `session_settings.limit`, and all items if that is ``None`` too; 0 gives an empty
                list. If `session_settings.window` is set, ``None`` means that window instead, with at most
                `session_settings.limit` items; so does a limit that a runner has from settings. Any other number is
                exact. A summary counts as the items that it shows.
            wrapper: The context of the run, which the OpenAI Agents SDK's runner passes to all four methods. It has no
                effect here; subclasses may use it.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
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
            # Drivers know how to write an integer, not what only is one, too.
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
        ttl: float | timedelta | Default | None = DEFAULT,
        expected_version: int | None = None,
        wrapper: object = None,
    ) -> None:
        """Append `items`, all or none, next to each other; when this returns they are on disk.

        Args:
            items: JSON objects, oldest first, or what else the session's codec takes.
            idempotency_key: Text of 1 to 255 bytes. However often the same items come to this session with the same
                key, from wherever, they are added once, and expire as they did when they first came. A key is known
                for 30 days, also after clearing.
            ttl: Seconds after which these items are gone, for every reader; ``None`` means never. The session's, if
                not given.
            expected_version: What `version` returned before the session was read: nothing is added if anybody has
                changed the session since. A retry with the same `idempotency_key` finds what it has added itself.
            wrapper: As for `get_items`.

        Raises:
            ConflictError: The session has another version than `expected_version`.
            SessionBusyError: Another caller holds an exclusive lease on the branch; whatever the version is.
            LeaseLostError: This object's lease was lost.
            InvalidItemError: An item is not a JSON object, or holds what the codec cannot keep; the message names it
                and the place in it.
            IdempotencyKeyReusedError: The key was used before with other items.
            TypeError: An argument has the wrong type.
            ValueError: The key is empty, too long, begins with a control character, or has a NUL character in it; or
                `ttl` is not positive, or more than a hundred years; or `expected_version` is negative.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        del wrapper
        handle = self._handle
        lifetime = handle.lifetime
        if ttl is not DEFAULT:
            lifetime = NEVER if ttl is None else check_ttl(ttl)
        if expected_version is not None:
            expected_version = check_count(expected_version, "expected_version", least=0)
        items = as_listed(items)
        codec = handle.codec
        try:
            payloads = codec.encode_all(items)
        except InvalidItemError as error:
            raise InvalidItemError(f"{handle.subject}: {error}; nothing was added") from None
        idempotency = None
        if idempotency_key is not None:
            key = check_text(idempotency_key, "idempotency_key", MAX_KEY_BYTES)
            if key < FIRST_GIVEN:
                # Keys that stores make for themselves do.
                raise ValueError("idempotency_key must not begin with a control character")
            idempotency = Idempotency(key, codec.digest(items))
        author, agent = handle.author, handle.agent
        entries = [
            NewEntry(payload, kind, tool_name, author if kind == USER else agent)
            for payload, (kind, tool_name) in zip(payloads, classify(items), strict=True)
        ]
        added_at = now()
        expires_at = None if lifetime is None else min(added_at + lifetime, NEVER)
        place = handle.conversation, entries, added_at, idempotency, handle.target
        await handle.append(Append(*place, expires_at=expires_at, expected_version=expected_version))
        if any(entry.kind != USER for entry in entries):
            handle.speaker.has_spoken()

    async def pop_item(self, *, wrapper: object = None) -> Item | None:
        """Remove the last item and return it, or return ``None`` if there is none.

        Args:
            wrapper: As for `get_items`.

        Raises:
            UndecodableItemError: The last stored item cannot be read and the session is strict; nothing was removed.
            StoreError: The database refused.
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
        """Remove all items, physically, in all branches; ``main`` is the current branch then.

        Args:
            wrapper: As for `get_items`.

        Raises:
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        del wrapper
        handle = self._handle
        await handle.write(lambda tx: clear(tx, handle.conversation, now()))
        handle.followed = None

    def close(self) -> Any:
        """Close this object, as `aclose` does; await what is returned, unless the class says otherwise."""
        return self.aclose()

    async def aclose(self) -> None:
        """Close this object: later calls on it raise `SessionClosedError`. Closing it again does nothing.

        A session of a store leaves the store as it is. One that was made by itself gives up its hold on the database.
        Closing is optional: an object that is garbage has let go, too.

        Example: ``await session.aclose()``
        """
        from sessions.db.closed import ClosedBackend  # noqa: PLC0415 - few close what a store made

        self._handle.backend = ClosedBackend()

    async def purge_expired(
        self, *, older_than: float | timedelta | Default | None = DEFAULT, batch: int = PURGE_BATCH
    ) -> int:
        """Delete physically what has expired, in all branches; what is gone for readers anyway.

        That is what is beyond its own expiry, and what has none and is older than `older_than`. It is done in short
        transactions, so writers elsewhere do not wait long; if it is interrupted, what has been done stays done.

        Args:
            older_than: Seconds; the `ttl` of this object, if not given. ``None``: only what is beyond its own expiry.
            batch: How many items are deleted in one transaction at most.

        Returns:
            How many items were deleted.

        Raises:
            MissingKeyError: The session is encrypted and was opened without a key; nothing was deleted.
            DecryptionError: The session is encrypted with another key; nothing was deleted.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        handle = self._handle
        age = self._handle.conversation.ttl if older_than is DEFAULT else check_ttl(older_than, "older_than")
        from sessions.log.lifetime.purge import Expired  # noqa: PLC0415 - many programs never purge
        from sessions.session.purging import purge_session  # noqa: PLC0415 - as above

        return await purge_session(handle, Expired(handle.conversation.now, age), batch)


def as_listed(items: object) -> list[Any]:
    """Return a list or other iterable of items as a list, and refuse what is most likely a mistake."""
    if isinstance(items, list):
        return items
    if isinstance(items, (str, bytes, dict)) or not hasattr(items, "__iter__"):
        raise TypeError(f"items must be a list of JSON objects, not {type(items).__name__}")
    return list(items)


def _checked(codec: Codec | None) -> Codec:
    if codec is None:
        return _JSON
    if isinstance(codec, type) or not isinstance(codec, Codec):
        kind = f"the class {codec.__name__}" if isinstance(codec, type) else type(codec).__name__
        raise TypeError(f"codec must be a codec, as PlusCodec(types=[…]) is, not {kind}")
    return codec

"""A session over the log: what users hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.arguments import MAX_KEY_BYTES, check_session_id, check_text
from sessions.clock import now
from sessions.codecs import Codec
from sessions.codecs.json import JSONCodec
from sessions.errors import InvalidItemError
from sessions.handle import Handle
from sessions.history import History
from sessions.log.append import Append, Idempotency
from sessions.log.classify import classify_items
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.grow import NewEntry
from sessions.log.pop import Pop
from sessions.log.read import ReadTail
from sessions.log.remove import clear
from sessions.protocol import SettingsLimit, check_limit, coerce_settings
from sessions.watched import Watched
from sessions.windowed import Windowed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessions.protocol import Item
    from sessions.stores import Backend

_JSON = JSONCodec()
_FOREIGN = ForeignTables()


class LogSession(History, Watched, Windowed):
    """A conversation in a store. It may be used from any number of tasks, threads and event loops.

    Args:
        session_id: The conversation's id: text of 1 to 1024 bytes in UTF-8, compared byte by byte.
        backend: Where transactions run.
        session_settings: How it is read when the caller does not say; ours, the OpenAI Agents SDK's or a dictionary.
        foreign: The tables in which the OpenAI Agents SDK may have kept this conversation in the same database.
        strict: Raise `UndecodableItemError` for a stored item that cannot be read, rather than leave it out and log
            a warning.
        codec: What items may hold, and how they are written: `PlusCodec(types=[…])`; plain JSON if not given.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `session_id`, a setting or the name of a table is not allowed.
    """

    session_id: str
    session_settings: Any

    def __init__(
        self,
        session_id: str,
        backend: Backend,
        *,
        session_settings: object = None,
        foreign: ForeignTables | None = None,
        strict: bool = False,
        codec: Codec | None = None,
    ) -> None:
        self.session_id = check_session_id(session_id)
        self.session_settings = coerce_settings(session_settings)
        conversation = Conversation(session_id, _checked(codec), foreign.check() if foreign else _FOREIGN)
        self._handle = Handle(conversation, backend, strict=strict)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.session_id!r})"

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """Return the latest `limit` items, oldest first, as of one moment.

        Args:
            limit: ``None`` means `session_settings.limit`, and all items if that is ``None`` too; 0 gives an empty
                list. If `session_settings.window` is set, ``None`` means that window instead, with at most
                `session_settings.limit` items; so does a limit that a runner has from settings. Any other number is
                exact.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        if limit is None or isinstance(limit, SettingsLimit):
            settings = coerce_settings(self.session_settings)
            limit = settings.limit if limit is None else limit
            check_limit(limit)
            if settings.repair:
                await self._mend_last_turn()
            if settings.window is not None:
                return [] if limit == 0 else await self._read_window(settings.window.within(limit))
            # Drivers know how to write an integer, not what only is one, too.
            limit = None if limit is None else int(limit)
        check_limit(limit)
        handle = self._handle
        read = ReadTail(handle.conversation, limit, handle.pinned)
        while (tail := await handle.read_plainly(read)) is None:
            await handle.take_over()
        handle.followed = tail.branch
        handle.report(tail.undecodable)
        return tail.items

    async def add_items(self, items: Sequence[Mapping[str, object]], *, idempotency_key: str | None = None) -> None:
        """Append `items`, all or none, next to each other; when this returns they are on disk.

        Args:
            items: JSON objects, oldest first, or what else the session's codec takes.
            idempotency_key: Text of 1 to 255 bytes. However often the same items come to this session with the same
                key, from wherever, they are added once.

        Raises:
            InvalidItemError: An item is not a JSON object, or holds what the codec cannot keep; the message names it
                and the place in it.
            IdempotencyKeyReusedError: The key was used before with other items.
            TypeError: An argument has the wrong type.
            ValueError: The key is empty, too long, begins with a control character, or has a NUL character in it.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        items = as_listed(items)
        codec = self._handle.codec
        try:
            payloads = codec.encode_all(items)
        except InvalidItemError as error:
            raise InvalidItemError(f"{self._handle.subject}: {error}; nothing was added") from None
        idempotency = None
        if idempotency_key is not None:
            key = check_text(idempotency_key, "idempotency_key", MAX_KEY_BYTES)
            if key < " ":
                # Keys that stores make for themselves do.
                raise ValueError("idempotency_key must not begin with a control character")
            idempotency = Idempotency(key, codec.digest(items))
        entries = [
            NewEntry(payload, kind, tool_name)
            for payload, (kind, tool_name) in zip(payloads, classify_items(items), strict=True)
        ]
        handle = self._handle
        await handle.write(Append(handle.conversation, entries, now(), idempotency, handle.target))

    async def pop_item(self) -> Item | None:
        """Remove the last item and return it, or return ``None`` if there is none.

        Raises:
            UndecodableItemError: The last stored item cannot be read and the session is strict; nothing was removed.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        handle = self._handle
        item, undecodable = await handle.write(
            Pop(handle.conversation, now(), strict=handle.strict, branch=handle.target)
        )
        handle.report(undecodable)
        return item

    async def clear_session(self) -> None:
        """Remove all items, physically, in all branches; ``main`` is the current branch then.

        Raises:
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        handle = self._handle
        await handle.write(lambda tx: clear(tx, handle.conversation, now()))
        handle.followed = None


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

"""`EncryptedSession`: a session that only holders of the key can read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sessions.clock import as_microseconds, now
from sessions.compat.advanced import FlatMethods
from sessions.compat.encryptable import Way, way_around
from sessions.compat.encrypted_items import ItemByItem
from sessions.compat.envelopes import scan_limit_reached
from sessions.compat.sdk_encryption import SDKTokens
from sessions.crypto.key_manager import KeyManager
from sessions.crypto.keys import KeyRing, keys_of
from sessions.db.closed import ClosedBackend
from sessions.db.rotation import rotate
from sessions.db.stored_settings import StoredSettings
from sessions.log.encryption.session_encryption import SessionEncryption
from sessions.protocol import check_limit, coerce_settings
from sessions.session.base import LogSession
from sessions.session.rotation import RotatedSession
from sessions.types.receipts import Rotation
from sessions.validation import check_flags, check_progress, check_session_id, check_ttl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions.crypto.keys import KeyProvider
    from sessions.protocol import Settings
    from sessions.session.handle import Handle
    from sessions.types import Item

_MICROSECONDS = 1_000_000
_COMBINED = "_encrypted_over"


if TYPE_CHECKING:
    # Type checkers see the usual case. Over another library's object, only the four methods exist.
    _Shown = LogSession
else:
    _Shown = object


class EncryptedSession(_Shown):
    """A session whose items are encrypted with AES-256-GCM before they reach the database.

    Example: ``session = EncryptedSession("user_123", SQLiteSession("user_123", "chat.db"), generate_key(), ttl=None)``

    Over a session of this package, encryption happens below the log: branches, undo, turns, usage and limits work as
    without it, and both objects share one hold on the database. Kinds, turns, tool names, times, sizes and branch names
    stay in the clear. docs/encryption.md lists the data visible to a reader of the database and the alterations that
    are detected.

    Over any other object with the four methods, only the four methods exist, plus `run_compaction` if the object has
    it. The same is true over a session of this package whose class overrides one of the four methods: it is called with
    encrypted items. A class that overrides any other method is refused. Subclasses of this class work over all of them.

    Args:
        session_id: The conversation's id; the same as the underlying session's.
        underlying_session: The session that stores the conversation.
        encryption_key: A key from `generate_key`; 32 or more random bytes; a `KeyRing`; or a `KeyProvider`. Any other
            text is a passphrase: it is stretched, and a `WeakKeyWarning` is issued.
        ttl: Time to live in seconds; older items are gone. Ten minutes by default, as in the OpenAI Agents SDK.
            ``None`` keeps items for ever.
        max_scan_items: The maximum number of items that `get_items` reads and decrypts; ``None`` for no maximum. If the
            answer could be incomplete because of it, `ScanLimitError` is raised.
        allow_plain_text: Also read unencrypted items, while a session is being converted; see `rotate`.
        hide_tool_names: Encrypt tool names as well, in items added from now on.

    Raises:
        TypeError: An argument has the wrong type; or the underlying session is already encrypted, overrides a method
            that would be bypassed, or is the OpenAI Agents SDK's `OpenAIResponsesCompactionSession`, which bypasses
            encryption.
        ValueError: An argument is out of range, or the ids differ.
    """

    session_id: str
    max_scan_items: int | None

    def __init__(
        self,
        session_id: str,
        underlying_session: Any,
        encryption_key: str | bytes | KeyRing | KeyProvider,
        ttl: float | timedelta | None = 600,
        max_scan_items: int | None = None,
        *,
        allow_plain_text: bool = False,
        hide_tool_names: bool = False,
    ) -> None:
        self.session_id = check_session_id(session_id)
        self.max_scan_items = _checked_scan(max_scan_items)
        if isinstance(underlying_session, EncryptedSession):
            raise TypeError(
                "underlying_session is already an EncryptedSession. No session was made. Use it directly, or "
                "pass the session under it."
            )
        check_flags(allow_plain_text=allow_plain_text, hide_tool_names=hide_tool_names)
        # Here and not in `__new__`, which does not see the arguments that a subclass's own constructor passes on.
        self.__class__ = _class_for(type(self), way_around(underlying_session, session_id))
        self._underlying = underlying_session
        self._encrypt(
            keys_of(encryption_key),
            check_ttl(ttl),
            allow_plain_text=allow_plain_text,
            hide_tool_names=hide_tool_names,
        )

    def _encrypt(
        self, keys: KeyRing | KeyProvider, ttl: int | None, *, allow_plain_text: bool, hide_tool_names: bool
    ) -> None:
        handle = handle_of(self._underlying)
        encryption = SessionEncryption(
            KeyManager(keys, StoredSettings(handle.backend, handle.subject)),
            SDKTokens(keys.given if isinstance(keys, KeyRing) else ()),
            allow_plain_text=allow_plain_text,
            hide_tool_names=hide_tool_names,
        )
        self._handle = handle.encrypted(encryption, ttl)
        self._keys = encryption.keys

    @property
    def session_settings(self) -> Any:
        """Get the underlying session's settings.

        Example: ``encrypted.session_settings = {"limit": 50}``
        """
        return getattr(self._underlying, "session_settings", None)

    @session_settings.setter
    def session_settings(self, settings: Settings | None) -> None:
        self._underlying.session_settings = settings

    async def get_items(self, limit: int | None = None, *, wrapper: object = None) -> list[Item]:
        """Return the latest `limit` items, as `LogSession.get_items` does, within `max_scan_items`.

        Example: ``items = await encrypted.get_items(limit=20)``

        Raises:
            ScanLimitError: The answer may have more items than `max_scan_items`, so it could be incomplete.
            DecryptionError: A key is wrong, or a stored item was altered.
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative; or `max_scan_items` is set and the settings have a window, repair or
                compaction.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        most = self.max_scan_items
        if most is None:
            return await super().get_items(limit, wrapper=wrapper)
        settings = coerce_settings(self.session_settings)
        if settings.window or settings.repair or settings.compaction:
            raise ValueError(
                f"session {self.session_id!r}: max_scan_items limits plain reads, but session_settings have a "
                "window, repair or compaction, which read as much as they need. Nothing was read. Remove one of "
                "them."
            )
        wanted = settings.limit if limit is None else limit
        check_limit(wanted)
        items = await super().get_items(most if wanted is None else min(most, int(wanted)), wrapper=wrapper)
        if (wanted is None or wanted > most) and len(items) >= most:
            raise scan_limit_reached(self.session_id)
        return items

    def close(self) -> Any:
        """Close this session and the underlying one.

        Example: ``await encrypted.close()``

        As with the underlying session, this happens at once or when the result is awaited. The result can always be
        awaited.
        """
        self._refuse_more()
        close = getattr(self._underlying, "close", None)
        waiting = close() if close is not None else None
        return _Done() if waiting is None else waiting

    async def aclose(self) -> None:
        """Close this session and the underlying one.

        Example: ``await encrypted.aclose()``
        """
        self._refuse_more()
        aclose = getattr(self._underlying, "aclose", None)
        await (aclose() if aclose is not None else self.close())

    def _refuse_more(self) -> None:
        self._handle.backend = ClosedBackend()

    async def rotate(
        self,
        *,
        reencrypt: bool = False,
        before: datetime | None = None,
        progress: Callable[[Rotation], object] | None = None,
    ) -> Rotation:
        """Wrap the session's keys with the current key of the key ring or provider, while others read and write.

        Example: ``rotation = await encrypted.rotate()``

        Afterwards the session no longer needs the previous key. It takes one transaction, for a session of any length.

        Args:
            reencrypt: Also make a new data key and encrypt all entries with it, in short transactions. Unencrypted
                entries, which need `allow_plain_text`, are encrypted too.
            before: With `reencrypt`: only if the session's data key is older than this; now by default. To continue
                after an interruption, pass the time at which the first attempt began.
            progress: Called after each transaction with the result so far.

        Returns:
            The result.

        Raises:
            DecryptionError: A key is missing, or a stored entry was altered; finished transactions stay done.
            TypeError: `before` is not a datetime.
            ValueError: `before` has no time zone, or is given without `reencrypt`.
            StoreError: The database refused the operation.
        """
        check_progress(progress)
        done = Rotation()
        async for step in rotate(self._rotated, check_before(before, reencrypt=reencrypt)):
            done += step
            if progress is not None:
                progress(done)
        return done

    @property
    def _rotated(self) -> RotatedSession:
        return RotatedSession(self._handle, self._keys)


class EncryptedLogSession(EncryptedSession, LogSession):
    """`EncryptedSession` over a session of this package, with all of its methods."""


class EncryptedAdvancedSession(FlatMethods, EncryptedLogSession):
    """`EncryptedSession` over a session with the flat methods, which it has too."""


class EncryptedForeignSession(ItemByItem, EncryptedSession):
    """`EncryptedSession` over any other object with the four methods. It has only these and is not a `LogSession`."""


def _class_for(cls: type[EncryptedSession], way: Way) -> type[EncryptedSession]:
    """Return the class of an object: the one that is wanted, with the methods that the other session allows."""
    kinds = {Way.LOG: EncryptedLogSession, Way.FLAT: EncryptedAdvancedSession, Way.ITEMS: EncryptedForeignSession}
    wanted = kinds[way]
    if cls is EncryptedSession or issubclass(cls, wanted):
        return wanted if cls is EncryptedSession else cls
    made = vars(cls).get(_COMBINED, {}).get(way)
    if made is None:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        made = type(cls)(cls.__name__, (cls, wanted), names)
        setattr(cls, _COMBINED, {**vars(cls).get(_COMBINED, {}), way: made})
    return cast("type[EncryptedSession]", made)


def _checked_scan(most: object) -> int | None:
    if most is None:
        return None
    if not isinstance(most, int) or isinstance(most, bool):
        raise TypeError(
            f"max_scan_items must be an integer or None, not {type(most).__name__}. No session was made. Pass "
            "a number of items."
        )
    if most <= 0:
        raise ValueError(
            f"max_scan_items must be positive or None, got {most}. No session was made. None means no maximum."
        )
    return most


class _Done:
    """The result of something already finished; it can be awaited."""

    def __await__(self) -> Iterator[None]:
        return iter(())


def check_before(before: object, *, reencrypt: bool) -> int | None:
    """Return the time before which data keys are replaced, in seconds since 1970, UTC; ``None`` to replace none.

    Raises:
        TypeError: It is not a datetime.
        ValueError: It has no time zone, or is given without `reencrypt`.
    """
    check_flags(reencrypt=reencrypt)
    if not reencrypt:
        if before is not None:
            raise ValueError("before needs reencrypt=True. Nothing was changed. Pass both, or neither.")
        return None
    if before is None:
        # A second later: a data key that was made just now is replaced, too.
        return now() // _MICROSECONDS + 1
    if not isinstance(before, datetime):
        raise TypeError(
            f"before must be a datetime, not {type(before).__name__}. Nothing was changed. Use datetime.now(UTC)."
        )
    if before.tzinfo is None:
        raise ValueError("before has no time zone. Nothing was changed. Use datetime.now(UTC).")
    return as_microseconds(before) // _MICROSECONDS


def handle_of(session: LogSession) -> Handle:
    """Return a session's handle."""
    return session._handle  # noqa: SLF001

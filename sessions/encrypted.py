"""`EncryptedSession`: a session whose items only the holder of a key can read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast

from sessions.advanced import FlatMethods
from sessions.arguments import DEFAULT, Default, check_session_id, check_ttl
from sessions.clock import as_microseconds, now
from sessions.envelopes import Envelopes
from sessions.model import Rotation
from sessions.protocol import check_limit, coerce_settings
from sessions.rotation import rotate
from sessions.session import LogSession, as_listed
from sessions.speaker import Speaker
from sessions.vault import Vault, keys_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessions.codecs.keys import KeyProvider, KeyRing
    from sessions.handle import Handle
    from sessions.protocol import Item

_MICROSECONDS = 1_000_000
_METHODS = ("get_items", "add_items", "pop_item", "clear_session")


class EncryptedSession(LogSession):
    """A session whose items are sealed with AES-256-GCM before they reach the database.

    Over a session of this package, sealing happens below the log: branches, undo, turns, usage and limits work as they
    do without, and it shares that session's hold on the database. Kinds, turns, tools' names, times, sizes and the
    names of branches stay in the clear; docs/encryption.md says what a reader of the database learns, and what is found
    that somebody alters there. Over any other object with the four methods, there are the four methods alone.

    Args:
        session_id: The conversation's id, the same as the other session's.
        underlying_session: Where the conversation is kept.
        encryption_key: 32 random bytes, as such or in base64 (`generate_key` makes them); a `KeyRing` of several; or a
            `KeyProvider`. Any other text is a passphrase: it is stretched, and there is a `WeakKeyWarning`.
        ttl: How old items may become, in seconds; older ones are not there any more. ``None`` means any age.
        allow_plain_text: Also read items that are in the clear, while a session is being sealed; see `rotate`.
        hide_tool_names: Keep the names of tools out of the clear, too, of what is added from now on.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or the ids differ.
    """

    def __new__(cls, session_id: str = "", underlying_session: object = None, *_: Any, **__: Any) -> Self:
        """Return a session with the methods that the other one has."""
        del session_id
        if cls is not EncryptedSession or underlying_session is None:  # As for a copy.
            return object.__new__(cls)
        if isinstance(underlying_session, EncryptedSession):
            raise TypeError("underlying_session is an EncryptedSession; use it as it is, or give the one underneath")
        if isinstance(underlying_session, FlatMethods):
            return cast("Self", object.__new__(EncryptedAdvancedSession))
        if isinstance(underlying_session, LogSession):
            return object.__new__(cls)
        has_all = all(callable(getattr(underlying_session, method, None)) for method in _METHODS)
        if not has_all or isinstance(underlying_session, type):
            raise TypeError(f"underlying_session must be a session, not {type(underlying_session).__name__}")
        return cast("Self", object.__new__(EncryptedForeignSession))

    def __init__(
        self,
        session_id: str,
        underlying_session: Any,
        encryption_key: str | bytes | KeyRing | KeyProvider,
        ttl: float | None = 600,
        *,
        allow_plain_text: bool = False,
        hide_tool_names: bool = False,
    ) -> None:
        self.session_id = check_session_id(session_id)
        if not isinstance(underlying_session, LogSession):
            raise TypeError(f"underlying_session must be a session, not {type(underlying_session).__name__}")
        if session_id != underlying_session.session_id:
            raise ValueError(
                f"session_id is {session_id!r}, that of underlying_session is {underlying_session.session_id!r}; give "
                "the same"
            )
        vault = Vault(keys_of(encryption_key), allow_plain_text=allow_plain_text, hide_tool_names=hide_tool_names)
        self.session_settings = underlying_session.session_settings
        self._handle = handle_of(underlying_session).sealed(vault, check_ttl(ttl))
        self._vault = vault
        self._author = underlying_session._author  # noqa: SLF001
        self._lease = underlying_session._lease  # noqa: SLF001
        self._speaker = Speaker()

    async def rotate(
        self,
        *,
        reencrypt: bool = False,
        before: datetime | None = None,
        progress: Callable[[Rotation], object] | None = None,
    ) -> Rotation:
        """Wrap the session's keys with the current key of the key ring or provider, while others read and write.

        Nothing needs the key that wrapped them before any more. It takes one transaction, however long the session is.

        Args:
            reencrypt: Also give the session a new data key and seal everything with it, in short transactions. What
                was in the clear (which needs `allow_plain_text`) is sealed then, too.
            before: With `reencrypt`: only if the session's data key is older than this; now, if not given. To go on
                after an interruption, pass the time at which the first attempt began.
            progress: Called after each transaction with what was done until then.

        Returns:
            What was done.

        Raises:
            DecryptionError: A key is not there, or an entry is not what was sealed; what was done stays done.
            TypeError: `before` is no time.
            ValueError: `before` has no time zone, or there is no `reencrypt`.
            StoreError: The database refused.
        """
        done = Rotation()
        async for step in rotate(self._handle, self._vault, check_before(before, reencrypt=reencrypt)):
            done += step
            if progress is not None:
                progress(done)
        return done


class EncryptedAdvancedSession(FlatMethods, EncryptedSession):
    """`EncryptedSession` over a session with the flat methods, which it has, too."""


class EncryptedForeignSession(EncryptedSession):
    """`EncryptedSession` over any other object with the four methods, which are what it has."""

    def __init__(
        self,
        session_id: str,
        underlying_session: Any,
        encryption_key: str | bytes | KeyRing | KeyProvider,
        ttl: float | None = 600,
        *,
        allow_plain_text: bool = False,
        hide_tool_names: bool = False,
    ) -> None:
        del hide_tool_names  # Nothing is in the clear there.
        self._speaker = Speaker()
        self.session_id = check_session_id(session_id)
        self._envelopes = Envelopes(
            session_id,
            underlying_session,
            keys_of(encryption_key),
            check_ttl(ttl),
            allow_plain_text=allow_plain_text,
        )

    @property
    def session_settings(self) -> Any:
        """The other session's."""
        return getattr(self._envelopes.underlying, "session_settings", None)

    @session_settings.setter
    def session_settings(self, settings: object) -> None:
        self._envelopes.underlying.session_settings = settings

    @property
    def _handle(self) -> Handle:
        raise TypeError(
            f"session {self.session_id!r} is kept by {type(self._envelopes.underlying).__name__}, which knows the four "
            "methods of a session alone; branches, undo, turns and usage need a session of this package underneath"
        )

    @_handle.setter
    def _handle(self, handle: Handle) -> None:
        del handle
        raise AttributeError("_handle")

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """Return the latest `limit` items that have not expired, oldest first.

        Raises:
            DecryptionError: A key is wrong, or an item is not what was sealed.
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative.
        """
        if limit is None:
            limit = coerce_settings(self.session_settings).limit
        check_limit(limit)
        return await self._envelopes.read(limit)

    async def add_items(
        self,
        items: Sequence[Mapping[str, object]],
        *,
        idempotency_key: str | None = None,
        ttl: float | Default | None = DEFAULT,
        expected_version: int | None = None,
    ) -> None:
        """Append `items`, sealed, as the other session appends them.

        Raises:
            InvalidItemError: An item is not a JSON object; nothing was added.
            ValueError: There is an idempotency key, a `ttl` or a version, which the other session does not know.
        """
        if ttl is not DEFAULT:
            raise ValueError(f"session {self.session_id!r}: the session underneath keeps no times to live of items")
        if idempotency_key is not None:
            raise ValueError(f"session {self.session_id!r}: the session underneath keeps no idempotency keys")
        if expected_version is not None:
            raise ValueError(f"session {self.session_id!r}: the session underneath has no versions")
        await self._envelopes.add(as_listed(items))

    async def pop_item(self) -> Item | None:
        """Remove the last item that has not expired, and those after it, and return it; ``None`` if there is none.

        Raises:
            DecryptionError: A key is wrong, or the item is not what was sealed; nothing was removed.
        """
        return await self._envelopes.pop()

    async def clear_session(self) -> None:
        """Remove all items."""
        await self._envelopes.underlying.clear_session()


def check_before(before: object, *, reencrypt: bool) -> int | None:
    """Return the time before which data keys are replaced, in seconds since 1970, UTC; ``None`` to replace none.

    Raises:
        TypeError: It is no time.
        ValueError: It has no time zone, or nothing is to be sealed anew.
    """
    if not reencrypt:
        if before is not None:
            raise ValueError("before needs reencrypt=True")
        return None
    if before is None:
        # A second later: a data key that was made just now is replaced, too.
        return now() // _MICROSECONDS + 1
    if not isinstance(before, datetime):
        raise TypeError(f"before must be a datetime, not {type(before).__name__}")
    if before.tzinfo is None:
        raise ValueError("before has no time zone: use datetime.now(UTC)")
    return as_microseconds(before) // _MICROSECONDS


def handle_of(session: LogSession) -> Handle:
    """Return a session's hold on its conversation."""
    return session._handle  # noqa: SLF001

"""`EncryptedSession`: a session whose items only the holder of a key can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sessions.advanced import FlatMethods
from sessions.arguments import check_session_id
from sessions.session import LogSession
from sessions.vault import Vault, keys_of

if TYPE_CHECKING:
    from sessions.codecs.keys import KeyProvider, KeyRing

_MICROSECONDS = 1_000_000


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

    def __new__(cls, session_id: str, underlying_session: object, *_: Any, **__: Any) -> Self:
        """Return a session with the methods that the other one has."""
        del session_id
        if cls is EncryptedSession and isinstance(underlying_session, FlatMethods):
            return object.__new__(EncryptedAdvancedSession)  # type: ignore[return-value]
        return object.__new__(cls)

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
        vault = Vault(keys_of(encryption_key), allow_plain_text=allow_plain_text, hide_tool_names=hide_tool_names)
        self.session_settings = underlying_session.session_settings
        self._handle = underlying_session._handle.sealed(vault, None if ttl is None else int(ttl * _MICROSECONDS))


class EncryptedAdvancedSession(FlatMethods, EncryptedSession):
    """`EncryptedSession` over a session with the flat methods, which it has, too."""

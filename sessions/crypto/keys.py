"""The keys that users give: a key ring of their own, or a provider such as a key management service."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol, cast, runtime_checkable

from sessions.crypto.key_encryption import KeyEncryptionKey, KeyEncryptionKeys
from sessions.crypto.key_texts import generate_key, parse_key, spellings
from sessions.crypto.passphrase import Passphrase
from sessions.validation import check_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from sessions.crypto.passphrase import Stretch
    from sessions.crypto.subject import Subject

__all__ = ["KeyProvider", "KeyRing", "generate_key", "keys_of"]

_MAX_ID_BYTES: Final = 255
_KEPT_RINGS: Final = 64


@runtime_checkable
class KeyProvider(Protocol):
    """A service that wraps the keys of sessions, such as a key management service; for `EncryptedSession`.

    Example: ``store = open_store("sqlite:///chat.db", encryption_key=provider)``

    Each encrypted session has random keys of its own. The provider gets them once, as one secret of 64 bytes, and
    returns them wrapped: encrypted, or, if it keeps them itself, as a name to find them by. The database holds the
    result of `wrap`. Both methods may raise `LookupError` for a key that is missing or destroyed: the caller gets
    `DecryptionError`. All other errors reach the caller unchanged.

    The subject of a session has the kind ``session`` and the session's id as its name. Other kinds may follow, with
    equal names: bind the secret to both, for example ``context={subject.kind: subject.name}``.

    A provider that keeps wrapped keys itself may also have ``async def destroy(self, *, subject)``, which destroys
    everything that it ever wrapped for a subject. It is called when a session is erased.
    """

    @property
    def current(self) -> str:
        """Get the id of the key that wraps from now on: 1 to 255 bytes in UTF-8, visible to readers of the database.

        Example: ``key_id = provider.current``
        """
        ...

    async def wrap(self, secret: bytes, *, key_id: str, subject: Subject) -> bytes:
        """Wrap a secret of 64 bytes with a key, so that it can be unwrapped for this subject only.

        Example: ``wrapped = await provider.wrap(secret, key_id=provider.current, subject=subject)``
        """
        ...

    async def unwrap(self, wrapped: bytes, *, key_id: str, subject: Subject) -> bytes:
        """Return the secret that was passed to `wrap`.

        Example: ``secret = await provider.unwrap(wrapped, key_id="2026", subject=subject)``
        """
        ...


class KeyRing:
    """Keys by id. The current one wraps from now on; the others still unwrap.

    Example: ``ring = KeyRing({"2025": generate_key(), "2026": generate_key()})``

    An id is a name for people. A session is opened by the key that wrapped it, even if that key had no id or another id
    then.

    Args:
        keys: Keys by id (text that readers of the database may know), each made by `generate_key` or of at least 32
            random bytes. Any other text is a passphrase: it is only as safe as it is hard to guess, so it is stretched
            with scrypt, which takes a third of a second once for each process and store, and a `WeakKeyWarning` is
            issued. A final newline and a byte order mark are not part of a key.
        current: The id of the current key; the last one by default.

    Raises:
        TypeError: A key is neither text nor bytes.
        ValueError: The ring is empty, a key is empty or shorter than 32 bytes, an id is not allowed, or `current` is
            not one of the ids.
    """

    def __init__(self, keys: Mapping[str, str | bytes], current: str | None = None) -> None:
        if not hasattr(keys, "items"):
            raise TypeError(
                f"keys must be a mapping of ids to keys, not {type(keys).__name__}. No key ring was made. Write "
                f"KeyRing({{'2026': key}}), or pass a single key without a ring."
            )
        if not keys:
            raise ValueError(
                "keys is empty, but a key ring needs a key. No key ring was made. Make one with "
                "sessions.generate_key()."
            )
        # A single key given without an id gets one that is derived from the key.
        self._keys: dict[str | None, bytes | Passphrase] = {}
        for id_, key in keys.items():
            self._keys[check_text(id_, "a key's id", _MAX_ID_BYTES)] = parse_key(key, f"key {id_!r}", stacklevel=2)
        self._given = tuple(spelling for key in keys.values() for spelling in spellings(key))
        self._current = list(self._keys)[-1] if current is None else current
        if self._current not in self._keys:
            raise ValueError(
                f"current is {current!r}, which is not one of the keys: {self._ids()}. No key ring was made. Pass "
                "one of these ids, or add the key."
            )

    @classmethod
    def of(cls, key: str | bytes, *, stacklevel: int = 2) -> Self:
        """Return a ring of one key, with an id derived from it.

        Example: ``ring = KeyRing.of(generate_key())``

        Args:
            key: The key.
            stacklevel: The caller that a warning points to, as for `warnings.warn`.

        Raises:
            TypeError: The key is neither text nor bytes.
            ValueError: It is empty or shorter than 32 bytes.
        """
        ring = cls.__new__(cls)
        ring._keys, ring._current = {None: parse_key(key, "encryption_key", stacklevel)}, None  # noqa: SLF001
        ring._given = spellings(key)  # noqa: SLF001
        return ring

    def __repr__(self) -> str:
        return f"KeyRing({self._ids()})"

    def _ids(self) -> str:
        return ", ".join("a single key" if id_ is None else repr(id_) for id_ in self._keys)

    @property
    def given(self) -> tuple[str | bytes, ...]:
        """Get the keys as they were given, and without a file's additions such as a final newline.

        Example: ``keys = ring.given``
        """
        return self._given

    @property
    def needs_stretching(self) -> bool:
        """Tell whether one of the keys is a passphrase.

        Example: ``assert not KeyRing.of(generate_key()).needs_stretching``
        """
        return any(isinstance(key, Passphrase) for key in self._keys.values())

    def ready(self, stretch: Stretch | None = None) -> KeyEncryptionKeys:
        """Return the keys ready for use. `stretch` turns passphrases, if there are any, into keys.

        Example: ``keys = ring.ready()``
        """
        ready: dict[str, KeyEncryptionKey] = {}
        current = ""
        for id_, key in self._keys.items():
            made = KeyEncryptionKey(key if isinstance(key, bytes) else cast("Stretch", stretch)(key))
            name = made.id if id_ is None else id_
            ready[name] = made
            current = name if id_ == self._current else current
        return KeyEncryptionKeys(ready, current)


_lock = threading.Lock()
# An application makes a session for each request, with the same key: its derived keys are kept.
_rings: dict[str | bytes, KeyRing] = {}


def keys_of(encryption_key: object) -> KeyRing | KeyProvider:
    """Return the key ring or provider for a user's `encryption_key`.

    Raises:
        TypeError: It is neither a key, nor a ring, nor a provider.
        ValueError: It is an empty key, or one shorter than 32 bytes.
    """
    if isinstance(encryption_key, (str, bytes)):
        with _lock:
            ring = _rings.get(encryption_key)
            if ring is None:
                ring = _rings[encryption_key] = KeyRing.of(encryption_key, stacklevel=4)
                if len(_rings) > _KEPT_RINGS:
                    del _rings[next(iter(_rings))]
        return ring
    if isinstance(encryption_key, (KeyRing, KeyProvider)):
        return encryption_key
    raise TypeError(
        "encryption_key must be text, bytes, a KeyRing or a KeyProvider, not "
        f"{type(encryption_key).__name__}. Nothing was encrypted. Make a key with sessions.generate_key()."
    )

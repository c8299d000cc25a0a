"""Where the keys of sealed sessions come from, and for how long a process remembers them."""

from __future__ import annotations

import asyncio
import math
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from sessions.clock import now
from sessions.compat.sdk_encryption import envelope_token, open_token
from sessions.crypto.data_keys import WrappedKey, check_seal, data_key, new_data_key, read_seal, secret_of, write_seal
from sessions.crypto.key_wanted import KeyWanted
from sessions.crypto.keys import KeyProvider, KeyRing
from sessions.crypto.passphrase import Stretcher, new_parameters
from sessions.db.settings import find_setting, put_setting
from sessions.errors import DecryptionError
from sessions.log.sealing.payloads import ALL_FORMATS, PlainPayloads, SealedPayloads

if TYPE_CHECKING:
    from sessions.crypto.data_keys import DataKey
    from sessions.crypto.keys import Masters
    from sessions.db import Backend
    from sessions.log.sealing.protocols import SessionKey

_KEPT_SESSIONS: Final = 4096
"""Of how many sessions a process remembers the keys."""

_KEPT_SECONDS: Final = 300.0
"""For how long it remembers those that a provider unwrapped: what is destroyed there is forgotten here."""

_KEPT_RINGS: Final = 64

_PARAMETERS: Final = "passphrase"
"""The name of the store's setting with the parameters for stretching."""


class _Place(NamedTuple):
    session_id: str
    seal: bytes
    allow_plain_text: bool
    hide_tool_names: bool


class _Memory:
    """What a process remembers of the sessions that one key ring or provider opens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[_Place, tuple[SealedPayloads, float]] = {}

    def get(self, place: _Place) -> SealedPayloads | None:
        payloads, until = self._known.get(place, (None, 0.0))
        return payloads if time.monotonic() < until else None

    def put(self, place: _Place, payloads: SealedPayloads, seconds: float) -> None:
        with self._lock:
            self._known[place] = payloads, time.monotonic() + seconds
            if len(self._known) > _KEPT_SESSIONS:
                del self._known[next(iter(self._known))]


class Vault:
    """Opens and makes the seals of sessions on one database.

    Args:
        keys: What the sessions' own keys are wrapped with.
        allow_plain_text: A sealed session may hold entries in the clear.
        hide_tool_names: Keep tools' names out of the clear.
        parameters: How passphrases are stretched, if not as the database says.

    Attributes:
        formats: What sealed payloads begin with: one of these bytes, which follow one another.
    """

    formats = ALL_FORMATS

    def __init__(
        self,
        keys: KeyRing | KeyProvider,
        *,
        allow_plain_text: bool,
        hide_tool_names: bool = False,
        parameters: bytes | None = None,
    ) -> None:
        self._ring = keys if isinstance(keys, KeyRing) else None
        self._provider = None if isinstance(keys, KeyRing) else keys
        self._allow_plain_text = allow_plain_text
        self._hide_tool_names = hide_tool_names
        self._memory = _memory_of(keys)
        self._masters: Masters | None = None
        if self._ring is not None and not self._ring.needs_stretching:
            self._masters = self._ring.masters()
        self._parameters = parameters
        self._new_seals: dict[str, bytes] = {}

    def unlock(self, session_id: str, seal: bytes | None) -> SessionKey:
        """Return what opens a session's payloads; without a seal, what is in the clear, if there may be any.

        Raises:
            DecryptionError: None of the keys here is that of the seal, or the seal was altered.
            KeyWanted: `fetch` it first.
        """
        if seal is None:
            return PlainPayloads(session_id, partial(self._plain, session_id, ""))
        known = self._memory.get(self._place(session_id, seal))
        if known is not None:
            self._new_seals.pop(session_id, None)
            return known
        if self._masters is None:
            raise KeyWanted(seal)
        wrapped = read_seal(session_id, seal)
        return self._remember(session_id, seal, wrapped, [self._unwrap_here(session_id, key) for key in wrapped])

    def new_seal(self, session_id: str) -> bytes:
        """Return a seal for a session that has none.

        Raises:
            KeyWanted: `fetch` it first.
        """
        if self._masters is not None:
            key = new_data_key()
            return write_seal([self._wrap_here(session_id, key, _seconds())], key.digest_key)
        seal = self._new_seals.get(session_id)
        if seal is None:
            raise KeyWanted(None)
        return seal

    def newest_only(self, session_id: str, seal: bytes) -> bytes:
        """Return a seal that holds the newest data key of another one, and no other.

        Raises:
            DecryptionError: None of the keys here is that of the seal, or the seal was altered.
            KeyWanted: `fetch` it first.
        """
        newest = cast("SealedPayloads", self.unlock(session_id, seal)).newest
        return write_seal(read_seal(session_id, seal)[-1:], newest.digest_key)

    def allow_plain_text(self, session_id: str) -> None:
        """Go on if a session may hold entries in the clear.

        Raises:
            DecryptionError: It may not.
        """
        if not self._allow_plain_text:
            raise DecryptionError(
                f"session {session_id!r} holds entries in the clear, which it may not when it is opened with a key; "
                "nothing was changed. To seal them, open it with allow_plain_text=True and call rotate(reencrypt=True)"
            )

    def open_foreign(self, session_id: str, payload: bytes) -> tuple[bytes, int | None]:
        """Return an item of the OpenAI Agents SDK's `EncryptedSession`, and when it was sealed.

        If it may be in the clear, return it as it is.

        Raises:
            DecryptionError: None of the keys opens it, or it is in the clear and may not be.
        """
        token = envelope_token(payload)
        if token is None:
            self.allow_plain_text(session_id)
            return payload, None
        opened = open_token(token, session_id, self._ring.given if self._ring else ())
        if opened is None:
            raise DecryptionError(
                f"session {session_id!r}: an item that the OpenAI Agents SDK encrypted cannot be opened with the key "
                "that was given; nothing was changed. Give the one that it was encrypted with"
            )
        return opened

    async def prepare(self, backend: Backend | None, subject: str) -> None:
        """Make the keys of a ring ready, if a passphrase has to be stretched for this database."""
        if self._ring is not None and self._masters is None:
            parameters = self._parameters or await _parameters_of(backend, subject)
            self._masters = await asyncio.to_thread(self._ring.masters, Stretcher(parameters))

    async def fetch(self, backend: Backend | None, session_id: str, seal: bytes | None) -> None:
        """Get what `unlock` or `new_seal` was lacking.

        Raises:
            DecryptionError: The key is not there, or is another one.
        """
        if self._provider is None:
            await self.prepare(backend, f"session {session_id!r}")
        elif seal is None:
            key = new_data_key()
            wrapped = [await self._wrap(session_id, key, _seconds())]
            seal = write_seal(wrapped, key.digest_key)
            self._remember(session_id, seal, wrapped, [key])
            self._new_seals[session_id] = seal
        else:
            wrapped = read_seal(session_id, seal)
            self._remember(session_id, seal, wrapped, [await self._unwrap(session_id, key) for key in wrapped])

    async def rewrap(self, session_id: str, seal: bytes | None, *, new_key_if_before: int | None) -> bytes | None:
        """Return a seal with the same data keys, all wrapped with the current key; ``None`` if nothing is to be done.

        Args:
            session_id: The session.
            seal: Its seal; ``None`` if it has none, and is to have one.
            new_key_if_before: Add a data key if the newest was made before this time, in seconds since 1970, UTC.

        Raises:
            DecryptionError: A key is not there, or is another one.
        """
        if seal is None:
            key = new_data_key()
            return write_seal([await self._wrap(session_id, key, _seconds())], key.digest_key)
        wrapped = read_seal(session_id, seal)
        is_old = new_key_if_before is not None and wrapped[-1].at < new_key_if_before
        is_done = not is_old and all(self._is_current(session_id, key) for key in wrapped)
        if is_done and self._provider is not None:
            return None
        # Whoever hears that all is done gives the other keys away.
        keys = [await self._unwrap(session_id, key) for key in wrapped]
        check_seal(session_id, seal, wrapped, keys[-1].digest_key)
        if is_done:
            return None
        rewrapped = [await self._wrap(session_id, key, old.at) for key, old in zip(keys, wrapped, strict=True)]
        if is_old:
            rewrapped.append(await self._wrap(session_id, new_data_key(keys[-1].digest_key), _seconds()))
        return write_seal(rewrapped, keys[-1].digest_key)

    def _is_current(self, session_id: str, key: WrappedKey) -> bool:
        if self._provider is not None:
            return key.by == self._provider.current
        masters = cast("Masters", self._masters)
        return masters.is_current(key.wrapped, key_id=key.by, session_id=session_id)

    async def _unwrap(self, session_id: str, key: WrappedKey) -> DataKey:
        if self._provider is None:
            return self._unwrap_here(session_id, key)
        try:
            secret = await self._provider.unwrap(key.wrapped, key_id=key.by, session_id=session_id)
        except LookupError as error:
            raise DecryptionError(
                f"session {session_id!r} is sealed with key {key.by!r}, and the key provider does not have what that "
                "wrapped: it was destroyed, or was never there; nothing was changed"
            ) from error
        return data_key(session_id, key.id, secret)

    async def _wrap(self, session_id: str, key: DataKey, at: int) -> WrappedKey:
        if self._provider is None:
            return self._wrap_here(session_id, key, at)
        by = self._provider.current
        return WrappedKey(key.id, at, by, await self._provider.wrap(secret_of(key), key_id=by, session_id=session_id))

    def _unwrap_here(self, session_id: str, key: WrappedKey) -> DataKey:
        masters = cast("Masters", self._masters)
        return data_key(session_id, key.id, masters.unwrap(key.wrapped, key_id=key.by, session_id=session_id))

    def _wrap_here(self, session_id: str, key: DataKey, at: int) -> WrappedKey:
        masters = cast("Masters", self._masters)
        return WrappedKey(key.id, at, masters.current, masters.wrap(secret_of(key), session_id=session_id))

    def _remember(self, session_id: str, seal: bytes, wrapped: list[WrappedKey], keys: list[DataKey]) -> SealedPayloads:
        check_seal(session_id, seal, wrapped, keys[-1].digest_key)
        payloads = SealedPayloads(
            session_id,
            keys,
            wrapped[-1].by,
            hide_tool_names=self._hide_tool_names,
            plain=partial(self._plain, session_id, f", sealed with key {wrapped[-1].by!r}"),
        )
        seconds = math.inf if self._provider is None else _KEPT_SECONDS
        self._memory.put(self._place(session_id, seal), payloads, seconds)
        return payloads

    def _place(self, session_id: str, seal: bytes) -> _Place:
        return _Place(session_id, seal, self._allow_plain_text, self._hide_tool_names)

    def _plain(self, session_id: str, sealed: str, payload: bytes, position: int) -> bytes:
        """Return a payload that is in the clear, if it may be; `sealed` is what an error says of the session."""
        if not self._allow_plain_text:
            raise DecryptionError(
                f"session {session_id!r}{sealed}: the entry at position {position} is in the clear, and the session is "
                "opened with a key; nothing was changed. If that is to be so while sessions are being sealed, open it "
                "with allow_plain_text=True"
            )
        if envelope_token(payload) is not None:
            return self.open_foreign(session_id, payload)[0]
        return payload


def _seconds() -> int:
    return now() // 1_000_000


async def _parameters_of(backend: Backend | None, subject: str) -> bytes:
    """Return how a store's passphrases are stretched: with a salt that the first who needs one makes."""
    if backend is None:
        raise TypeError(f"{subject}: without a database the parameters must be given")
    found = await backend.read(lambda tx: find_setting(tx, _PARAMETERS), subject)
    if found is None:
        made = new_parameters()
        found = await backend.write(lambda tx: put_setting(tx, _PARAMETERS, made), subject)
    return found


def keys_of(encryption_key: object) -> KeyRing | KeyProvider:
    """Return the key ring or provider that a user means.

    Raises:
        TypeError: It is neither a key, nor a ring, nor a provider.
        ValueError: It is an empty key, or one of fewer than 32 bytes.
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
        f"encryption_key must be text, bytes, a KeyRing or a KeyProvider, not {type(encryption_key).__name__}"
    )


_lock = threading.Lock()
# An application makes a session for each request, with the same key: what was derived from it is kept.
_rings: dict[str | bytes, KeyRing] = {}
_memories: weakref.WeakKeyDictionary[KeyRing | KeyProvider, _Memory] = weakref.WeakKeyDictionary()


def _memory_of(keys: KeyRing | KeyProvider) -> _Memory:
    with _lock:
        return _memories.setdefault(keys, _Memory())

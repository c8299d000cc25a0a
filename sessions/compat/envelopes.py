"""Items sealed one by one, for sessions that are none of ours: each becomes an envelope.

An envelope is ``{"__sealed__": 1, "seal": …, "created_at": …, "expires_at": …, "payload": …}``: the seal as text, the
times in microseconds since 1970 (UTC), ``null`` for no expiry, and the payload in base64. Seal and payload are those of
our own sessions, the payload at position 0, version 0 and turn 0, of kind "". So an envelope is bound to its session
and its times; not to its place, which such an object does not tell.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from sessions.clock import now
from sessions.codecs.json import JSONCodec
from sessions.compat.sdk_encryption import envelope_token
from sessions.crypto.key_manager import Vault
from sessions.crypto.key_wanted import KeyWanted
from sessions.crypto.passphrase import new_parameters
from sessions.db.uncancelled import settle
from sessions.errors import DecryptionError, InvalidItemError, ScanLimitError, UndecodableItemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.log.sealing.protocols import SessionKey
    from sessions.types import Item

T = TypeVar("T")

_MARK: Final = "__sealed__"
_SALT: Final = b"sessions/foreign\0"
_SALT_BYTES: Final = 16

_codec = JSONCodec()


class _Opened(NamedTuple):
    payload: bytes
    created_at: int | None
    expires_at: int | None


class Envelopes:
    """The items of one session, sealed each in an envelope.

    Args:
        session_id: The session.
        underlying: An object with the four methods.
        keys: What sealing keys are wrapped with.
        ttl: How old items may become, in microseconds.
        allow_plain_text: Also read items that are in the clear.

    Attributes:
        underlying: The object with the four methods.
    """

    def __init__(
        self,
        session_id: str,
        underlying: Any,
        keys: KeyRing | KeyProvider,
        ttl: int | None,
        *,
        allow_plain_text: bool,
    ) -> None:
        self.underlying = underlying
        self._session_id = session_id
        self._ttl = ttl
        self._allow_plain_text = allow_plain_text
        # There is nowhere to keep a salt: this one is known, but no other session has it.
        salt = hashlib.sha256(_SALT + session_id.encode()).digest()[:_SALT_BYTES]
        self._vault = Vault(keys, allow_plain_text=allow_plain_text, parameters=new_parameters(salt))
        self._seal: bytes | None = None
        self._has_opened = False

    async def check(self, **context: object) -> None:
        """Look whether what is there can be opened: a wrong key adds nothing beside it, and removes nothing.

        Raises:
            DecryptionError: A key is wrong, or the last item is not what was sealed.
        """
        for last in (await self.underlying.get_items(limit=1, **context))[-1:]:
            await self._open(last)

    async def read(self, limit: int | None, most: int | None = None, **context: object) -> list[Item]:
        """Return the latest `limit` items that have not expired, oldest first; all without a limit.

        Args:
            limit: How many.
            most: How many envelopes are read and opened at most, those that are read twice counted twice.
            context: What the other object's methods are to be called with, too.

        Raises:
            DecryptionError: A key is wrong, or an item is not what was sealed.
            ScanLimitError: There may be more than those `most`.
        """
        wanted = most if limit is None else limit
        if wanted is None:
            return await self._live(await self.underlying.get_items(**context))
        left = most
        if left is not None:
            wanted = min(wanted, left)
        while True:
            found = await self.underlying.get_items(limit=wanted, **context)
            if left is not None and len(found) > left:
                raise scan_limit_reached(self._session_id)
            items = await self._live(found)
            if limit is not None and len(items) >= limit:
                return items[len(items) - limit :]
            if len(found) < wanted:
                return items
            grown = wanted * 2
            if left is not None:
                left -= len(found)
                grown = min(grown, left)
                if grown <= wanted:
                    raise scan_limit_reached(self._session_id)
            wanted = grown

    async def add(self, items: list[Any], **context: object) -> None:
        """Append items.

        Raises:
            DecryptionError: A key is wrong, or the last item is not what was sealed; nothing was added.
            InvalidItemError: One is not a JSON object; nothing was added.
        """
        try:
            payloads = _codec.encode_all(items)
        except InvalidItemError as error:
            raise InvalidItemError(f"session {self._session_id!r}: {error}; nothing was added") from None
        if payloads:
            if not self._has_opened:
                await self.check(**context)
            await self.underlying.add_items([await self._envelope(payload) for payload in payloads], **context)

    async def pop(self, **context: object) -> Item | None:
        """Remove the last item that has not expired, and those after it, and return it; ``None`` if there is none.

        The last item is looked at before it is taken away, so a wrong key takes nothing. Somebody else may have added
        another one meanwhile, which is put back if it cannot be opened now.

        Raises:
            DecryptionError: A key is wrong, or the item is not what was sealed.
        """
        while True:
            last = await self.underlying.get_items(limit=1, **context)
            if not last:
                return None
            opened = await self._open(last[-1])
            if not self._is_live(opened) and not _is_over(opened) and not await self.read(1, None, **context):
                # All that is there is only too old for this object's ttl: it is not for this one to remove.
                return None
            popped = await self.underlying.pop_item(**context)
            if popped is None:
                return None
            try:
                live = await self._live([popped])
            except BaseException:
                # Also if a key provider failed, or the caller was cancelled while it was asked.
                await settle(self.underlying.add_items([popped], **context))
                raise
            if live:
                return live[0]

    async def _live(self, envelopes: list[Any]) -> list[Item]:
        """Return the items of envelopes, without those that have expired."""
        items = []
        for envelope in envelopes:
            opened = await self._open(envelope)
            if not self._is_live(opened):
                continue
            try:
                items.append(_codec.decode(opened.payload))
            except ValueError:
                raise UndecodableItemError(
                    f"session {self._session_id!r}: an item that was sealed is no JSON object; nothing was changed"
                ) from None
        return items

    def _is_live(self, opened: _Opened) -> bool:
        is_old = self._ttl is not None and opened.created_at is not None and opened.created_at <= now() - self._ttl
        return not is_old and not _is_over(opened)

    async def _open(self, envelope: Any) -> _Opened:
        opened = await self._opened(envelope)
        self._has_opened = True
        return opened

    async def _opened(self, envelope: Any) -> _Opened:
        if not isinstance(envelope, dict) or envelope.get(_MARK) != 1:
            try:
                (plain,) = _codec.encode_all([envelope])
            except InvalidItemError:
                raise DecryptionError(
                    f"session {self._session_id!r}: an item is neither sealed nor a JSON object; nothing was changed"
                ) from None
            if envelope_token(plain) is None and not self._allow_plain_text:
                raise DecryptionError(
                    f"session {self._session_id!r}: an item is in the clear, and the session is opened with a key; "
                    "nothing was changed. If there may be such items, open it with allow_plain_text=True"
                )
            payload, created_at = self._vault.open_foreign(self._session_id, plain)
            return _Opened(payload, created_at, None)
        try:
            seal = envelope["seal"].encode()
            created_at, expires_at = envelope["created_at"], envelope["expires_at"]
            payload = base64.b64decode(envelope["payload"], validate=True)
        except (KeyError, AttributeError, TypeError, ValueError, binascii.Error):
            raise DecryptionError(
                f"session {self._session_id!r}: a sealed item was altered; nothing was changed"
            ) from None
        key = await self._key(seal)
        return _Opened(key.open(_entry(payload, created_at, expires_at)), created_at, expires_at)

    async def _envelope(self, payload: bytes) -> dict[str, Any]:
        if self._seal is None:
            self._seal = await self._fetching(partial(self._vault.new_seal, self._session_id))
        key = await self._key(self._seal)
        created_at = now()
        expires_at = None if self._ttl is None else created_at + self._ttl
        sealed = key.seal(_entry(payload, created_at, expires_at))[-1]
        return {
            _MARK: 1,
            "seal": self._seal.decode(),
            "created_at": created_at,
            "expires_at": expires_at,
            "payload": base64.b64encode(sealed).decode(),
        }

    async def _fetching(self, ask: Callable[[], T]) -> T:
        """Return what the vault answers, with whatever it has to fetch first."""
        while True:
            try:
                return ask()
            except KeyWanted as wanted:
                await self._vault.fetch(None, self._session_id, wanted.seal)

    async def _key(self, seal: bytes) -> SessionKey:
        return await self._fetching(partial(self._vault.unlock, self._session_id, seal))


def scan_limit_reached(session_id: str) -> ScanLimitError:
    """Return the error for a bound that is too small; it has the words of the OpenAI Agents SDK."""
    return ScanLimitError(
        f"session {session_id!r}: max_scan_items exhausted before a complete history result could be established; "
        "increase max_scan_items or reduce retained history"
    )


def _is_over(opened: _Opened) -> bool:
    return opened.expires_at is not None and opened.expires_at <= now()


def _entry(payload: bytes, created_at: Any, expires_at: Any) -> tuple[Any, ...]:
    return 0, 0, 0, "", None, None, created_at, expires_at, payload

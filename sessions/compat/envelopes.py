"""Items encrypted one by one, for other libraries' sessions: each becomes an envelope.

An envelope is ``{"__encrypted__": 1, "keys": …, "created_at": …, "expires_at": …, "payload": …}``: the wrapped keys as
text, the times in microseconds since 1970 (UTC), ``null`` for no expiry, and the payload in base64. The keys are bound
to the session, and the payload to the JSON array ``["item", created_at, expires_at]``. So an envelope is bound to its
session and its times, but not to its place, which such an object does not tell.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.clock import now
from sessions.codecs.json import JSONCodec
from sessions.compat.sdk_encryption import SDKTokens
from sessions.crypto.key_manager import KeyManager
from sessions.crypto.keys import KeyRing
from sessions.crypto.passphrase import new_parameters
from sessions.crypto.subject import with_keys
from sessions.crypto.wrapped_keys import READS_OLDER
from sessions.db.uncancelled import settle
from sessions.errors import DecryptionError, InvalidItemError, ScanLimitError, UndecodableItemError, sentence
from sessions.log.encryption.session_encryption import subject_of
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.crypto.keys import KeyProvider
    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.types import Item

_MARK: Final = "__encrypted__"
_OLDER_MARK: Final = "__sealed__"
_SALT: Final = b"sessions/foreign\0"
_SALT_BYTES: Final = 16

_codec = JSONCodec()


class _Opened(NamedTuple):
    payload: bytes
    created_at: int | None
    expires_at: int | None


class Envelopes:
    """The items of one session, each encrypted in an envelope.

    Args:
        session_id: The session.
        underlying: An object with the four methods.
        keys: The keys that wrap data keys.
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
        self._subject = subject_of(session_id)
        self._keys = KeyManager(keys, _KnownSalt(session_id))
        self._sdk_items = SDKTokens(keys.given if isinstance(keys, KeyRing) else ())
        self._wrapped: bytes | None = None
        self._has_opened = False

    async def check(self, **context: object) -> None:
        """Check that the last item can be opened, so that a wrong key neither adds nor removes anything.

        Raises:
            DecryptionError: A key is wrong, or the last item was altered.
        """
        for last in (await self._theirs("get_items", limit=1, **context))[-1:]:
            await self._open(last)

    async def read(self, limit: int | None, most: int | None = None, **context: object) -> list[Item]:
        """Return the latest `limit` items that have not expired, oldest first; all without a limit.

        Args:
            limit: How many.
            most: How many envelopes are read and opened at most, those that are read twice counted twice.
            context: Further arguments for the other object's methods.

        Raises:
            DecryptionError: A key is wrong, or an item was altered.
            ScanLimitError: There may be more than those `most`.
        """
        wanted = most if limit is None else limit
        if wanted is None:
            return await self._live(await self._theirs("get_items", **context))
        left = most
        if left is not None:
            wanted = min(wanted, left)
        while True:
            found = await self._theirs("get_items", limit=wanted, **context)
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
            DecryptionError: A key is wrong, or the last item was altered; nothing was added.
            InvalidItemError: One is not a JSON object; nothing was added.
        """
        try:
            payloads = _codec.encode_all(items)
        except InvalidItemError as error:
            raise InvalidItemError(f"session {self._session_id!r}: {sentence(error)} Nothing was added.") from None
        if payloads:
            if not self._has_opened:
                await self.check(**context)
            envelopes = [await self._envelope(payload) for payload in payloads]
            await self._theirs("add_items", envelopes, **context)

    async def pop(self, **context: object) -> Item | None:
        """Remove the last unexpired item and those after it, and return it; ``None`` if all have expired.

        The last item is looked at before it is taken away, so a wrong key takes nothing. Another process may have added
        one in between; it is put back if it cannot be opened.

        Raises:
            DecryptionError: A key is wrong, or the item was altered.
        """
        while True:
            last = await self._theirs("get_items", limit=1, **context)
            if not last:
                return None
            opened = await self._open(last[-1])
            if not self._is_live(opened) and not _is_over(opened) and not await self.read(1, None, **context):
                # All that is there is only too old for this object's ttl: it is not for this one to remove.
                return None
            popped = await self._theirs("pop_item", **context)
            if popped is None:
                return None
            try:
                live = await self._live([popped])
            except BaseException:
                # Also if a key provider failed, or the caller was cancelled while it was asked.
                await settle(self._theirs("add_items", [popped], **context))
                raise
            if live:
                return live[0]

    async def clear(self, **context: object) -> None:
        """Remove all items."""
        await self._theirs("clear_session", **context)

    async def _theirs(self, method: str, *arguments: object, **named: object) -> Any:
        """Return the result of one of the other object's methods."""
        return await foreign(partial(getattr(self.underlying, method), *arguments, **named), str(self._subject))

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
                    f"session {self._session_id!r}: an encrypted item is not a JSON object. Nothing was changed. "
                    "Restore the session from a backup."
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
            return self._not_ours(envelope)
        try:
            wrapped = envelope["keys"].encode()
            created_at, expires_at = envelope["created_at"], envelope["expires_at"]
            payload = base64.b64decode(envelope["payload"], validate=True)
        except (KeyError, AttributeError, TypeError, ValueError, binascii.Error):
            raise DecryptionError(
                f"{self._subject}: an encrypted item was altered. Nothing was changed. Restore the session from a "
                "backup."
            ) from None
        keys = await self._unlock(wrapped)
        try:
            plain_text = keys.decrypt(payload, _associated_data(created_at, expires_at))
        except ValueError:
            raise keys.refusal("an item", payload) from None
        return _Opened(plain_text, created_at, expires_at)

    def _not_ours(self, item: Any) -> _Opened:
        """Return an item that the OpenAI Agents SDK encrypted or, if that is allowed, one in the clear."""
        try:
            (plain,) = _codec.encode_all([item])
        except InvalidItemError:
            raise DecryptionError(
                f"{self._subject}: an item is neither encrypted nor a JSON object. Nothing was changed. Restore "
                "the session from a backup."
            ) from None
        opened = self._sdk_items.decrypt(self._session_id, plain)
        if opened is not None:
            return _Opened(*opened, None)
        if isinstance(item, dict) and item.get(_OLDER_MARK) == 1:
            raise DecryptionError(
                f"{self._subject}: an item is encrypted in a format that this version of agent-session-store "
                f"cannot read. Nothing was changed. Read it with commit {READS_OLDER}."
            )
        if not self._allow_plain_text:
            raise DecryptionError(
                f"{self._subject}: an item is not encrypted, but the session is opened with a key. Nothing was "
                "changed. To allow unencrypted items, open it with allow_plain_text=True."
            )
        return _Opened(plain, None, None)

    async def _envelope(self, payload: bytes) -> dict[str, Any]:
        if self._wrapped is None:
            self._wrapped = await with_keys(partial(self._keys.new_keys, self._subject))
        keys = await self._unlock(self._wrapped)
        created_at = now()
        expires_at = None if self._ttl is None else created_at + self._ttl
        encrypted = keys.encrypt(payload, _associated_data(created_at, expires_at))
        return {
            _MARK: 1,
            "keys": self._wrapped.decode(),
            "created_at": created_at,
            "expires_at": expires_at,
            "payload": base64.b64encode(encrypted).decode(),
        }

    async def _unlock(self, wrapped: bytes) -> SubjectKeys:
        return await with_keys(partial(self._keys.unlock, self._subject, wrapped))


class _KnownSalt:
    """Settings of an object that keeps none: the salt is known, but no other session has it."""

    def __init__(self, session_id: str) -> None:
        self._salt = hashlib.sha256(_SALT + session_id.encode()).digest()[:_SALT_BYTES]

    async def get_or_put(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the parameters for stretching passphrases, the only setting that is asked for."""
        del name, make
        return new_parameters(self._salt)


def scan_limit_reached(session_id: str) -> ScanLimitError:
    """Return the error for a bound that is too small; it has the words of the OpenAI Agents SDK."""
    return ScanLimitError(
        f"session {session_id!r}: max_scan_items exhausted before a complete history result could be established. "
        "Nothing was returned. Increase max_scan_items or reduce retained history."
    )


def _is_over(opened: _Opened) -> bool:
    return opened.expires_at is not None and opened.expires_at <= now()


def _associated_data(created_at: Any, expires_at: Any) -> bytes:
    """Return the data that an item is bound to; raise `ValueError` if a time cannot be written."""
    try:
        return msgspec.json.encode(("item", created_at, expires_at))
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError("not a time") from error

"""Sealed payloads: AES-256-GCM, each bound to its place in the log and to what is kept in the clear beside it.

A payload, as it is stored::

    1 byte     the format: 1, or 2 if the plain text begins with the tool's name
    4 bytes    the id of the data key
    12 bytes   the nonce, random
    n bytes    the ciphertext
    16 bytes   the tag

The associated data are the entry's id, version, turn, created_at and expires_at as signed 64-bit integers, big endian
(``-2**63`` for no expiry), the first five bytes of the payload, and the entry's kind, tool name and author in UTF-8
with a zero byte between them; a tool name or an author that is there has ``=`` before it. In format 2 the plain text
begins with the length of the tool's name in four bytes, big endian (``2**32 - 1`` for none), and the name.

AES-GCM is NIST SP 800-38D. Its limit for random nonces, 2**32 under one key, is more than the positions of a segment;
each session has a key of its own.
"""

from __future__ import annotations

import hmac
import os
import struct
from operator import add, itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
NONCE_BYTES: Final = 12

FORMATS: Final = (b"\1", b"\2")
"""What sealed payloads begin with: without a tool's name, and with one."""

_WITH_TOOL_NAME: Final = FORMATS[1]
_HEADER: Final = 1 + KEY_ID_BYTES
_CIPHERTEXT: Final = _HEADER + NONCE_BYTES
_NEVER: Final = -(1 << 63)
_NO_NAME: Final = (1 << 32) - 1
_POSITION: Final = (1 << 32) - 1
_REMEMBERED: Final = 4096

# The numbers of the associated data, and of the payload, which is given whole, its first bytes.
_pack_beginning = struct.Struct(f">qqqqq{_HEADER}s").pack
_nonce = itemgetter(slice(_HEADER, _CIPHERTEXT))
_ciphertext = itemgetter(slice(_CIPHERTEXT, None))
_length = struct.Struct(">I")


class DataKey(NamedTuple):
    """A session's own key.

    Attributes:
        id: Tells it from the session's other ones.
        key: For payloads.
        digest_key: For what is remembered of items that came with an idempotency key.
    """

    id: bytes
    key: bytes
    digest_key: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.id.hex()})"


class _Texts(dict[tuple[str, str | None, str | None], bytes]):
    """By kind, tool's name and author: the end of the associated data, which many entries share."""

    def __missing__(self, texts: tuple[str, str | None, str | None]) -> bytes:
        kind, *others = texts
        made = "\0".join([kind, *("" if text is None else f"={text}" for text in others)]).encode()
        if len(self) >= _REMEMBERED:
            self.clear()
        self[texts] = made
        return made


class SealedPayloads:
    """Seals payloads of one session with its newest data key, and opens them with any.

    Args:
        session_id: The session, for errors.
        keys: Its data keys, the newest last.
        wrapped_by: The id of the key that the newest one is wrapped with, for errors.
        hide_tool_names: Keep tools' names out of the clear.
        plain: Opens a payload in the clear; it raises `DecryptionError` if there may be none.

    Attributes:
        newest: The data key that it seals with.
    """

    def __init__(
        self,
        session_id: str,
        keys: Sequence[DataKey],
        wrapped_by: str,
        *,
        hide_tool_names: bool,
        plain: Callable[[bytes, int], bytes],
    ) -> None:
        self._session_id = session_id
        self._wrapped_by = wrapped_by
        self._hide_tool_names = hide_tool_names
        self._plain = plain
        # By what payloads begin with, the format and the data key's id.
        self._ciphers = {form + key.id: AESGCM(key.key) for key in keys for form in FORMATS}
        self._texts = _Texts()
        self._key_ids = {key.id for key in keys}
        self.newest = keys[-1]
        self._header = FORMATS[hide_tool_names] + self.newest.id
        self._newest = self._ciphers[self._header]

    @property
    def beginnings(self) -> tuple[bytes, bytes]:
        """What payloads begin with that are sealed with the newest data key: one of these."""
        first, second = (form + self.newest.id for form in FORMATS)
        return first, second

    def seal(self, entry: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return an entry with its payload sealed, and without its tool's name if that is hidden."""
        id_, version, turn, kind, tool_name, author, created_at, expires_at, payload = entry
        if self._hide_tool_names:
            name = b"" if tool_name is None else tool_name.encode()
            payload = _length.pack(_NO_NAME if tool_name is None else len(name)) + name + payload
            tool_name = None
        expires = _NEVER if expires_at is None else expires_at
        beginning = _pack_beginning(id_, version, turn, created_at, expires, self._header)
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._newest.encrypt(nonce, payload, beginning + self._texts[kind, tool_name, author])
        return id_, version, turn, kind, tool_name, author, created_at, expires_at, self._header + nonce + sealed

    def open(self, entry: tuple[Any, ...]) -> bytes:
        """Return the payload of a stored entry.

        Raises:
            DecryptionError: It is not what was stored there.
        """
        plain_text = self._decrypt(entry)
        if entry[8][:1] != _WITH_TOOL_NAME:
            return plain_text
        (length,) = _length.unpack_from(plain_text)
        return plain_text[_length.size + (0 if length == _NO_NAME else length) :]

    def open_all(self, entries: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the payloads of stored entries.

        Raises:
            DecryptionError: One is not what was stored there.
        """
        if not entries:
            return []
        # `open` for each, column by column: the loop of `map` costs less than one of Python's own. The tag vouches for
        # all that a payload begins with, so one of another key does not pass here; only one with a tool's name would.
        try:
            ids, versions, turns, kinds, tool_names, authors, created, expires, sealed = zip(*entries, strict=True)
            if max(sealed) < _WITH_TOOL_NAME:
                ends = [_NEVER if end is None else end for end in expires]
                beginnings = map(_pack_beginning, ids, versions, turns, created, ends, sealed)
                texts = map(self._texts.__getitem__, zip(kinds, tool_names, authors, strict=True))
                bound = list(map(add, beginnings, texts))
                return list(map(self._newest.decrypt, map(_nonce, sealed), map(_ciphertext, sealed), bound))
        except (InvalidTag, ValueError, struct.error):
            pass
        # Another key, a hidden name, plain text; or something is wrong, which this says.
        return [self.open(entry) for entry in entries]

    def tool_name(self, entry: tuple[Any, ...]) -> str | None:
        """Return the tool's name of a stored entry, hidden or not."""
        if entry[8][:1] != _WITH_TOOL_NAME:
            name: str | None = entry[4]
            return name
        plain_text = self._decrypt(entry)
        (length,) = _length.unpack_from(plain_text)
        return None if length == _NO_NAME else plain_text[_length.size : _length.size + length].decode()

    def digest(self, digest: bytes) -> bytes:
        """Return what is stored for the digest of items: HMAC-SHA256, so that nobody can try likely items."""
        return hmac.digest(self.newest.digest_key, digest, "sha256")

    def _decrypt(self, entry: tuple[Any, ...]) -> bytes:
        id_, version, turn, kind, tool_name, author, created_at, expires_at, payload = entry
        header = payload[:_HEADER]
        cipher = self._ciphers.get(header)
        if cipher is None:
            return self._not_sealed(payload, id_)
        try:
            return cipher.decrypt(
                _nonce(payload),
                _ciphertext(payload),
                _pack_beginning(id_, version, turn, created_at, _NEVER if expires_at is None else expires_at, header)
                + self._texts[kind, tool_name, author],
            )
        except (InvalidTag, ValueError, struct.error):
            raise DecryptionError(
                f"session {self._session_id!r}: the entry at position {id_ & _POSITION} is not what was sealed there "
                f"with key {self._wrapped_by!r}: it, or what is stored beside it, was altered or moved; nothing was "
                "changed. Restore it from a backup, or clear the session"
            ) from None

    def _not_sealed(self, payload: bytes, id_: int) -> bytes:
        position = id_ & _POSITION
        # With the id of a key of the session it was sealed, and its first byte was altered.
        if not _looks_sealed(payload) and payload[1:_HEADER] not in self._key_ids:
            return self._plain(payload, position)
        raise DecryptionError(
            f"session {self._session_id!r}, sealed with key {self._wrapped_by!r}: the entry at position {position} is "
            "sealed with a data key that the session does not have; nothing was changed. Restore it from a backup, or "
            "clear the session"
        )


class PlainPayloads:
    """Reads a session that is to be sealed and is not yet: what is in the clear, if there may be any."""

    def __init__(self, session_id: str, plain: Callable[[bytes, int], bytes]) -> None:
        self._session_id = session_id
        self._plain = plain

    @property
    def beginnings(self) -> tuple[bytes, bytes]:
        """Nothing is sealed here."""
        return b"", b""

    def seal(self, _: tuple[Any, ...]) -> tuple[Any, ...]:
        """Refuse: such a session gets its seal before anything is put into it."""
        raise AssertionError(f"session {self._session_id!r} has no seal")

    def open(self, entry: tuple[Any, ...]) -> bytes:
        """Return the payload of a stored entry.

        Raises:
            DecryptionError: There may be none in the clear.
        """
        payload, position = entry[8], entry[0] & _POSITION
        if _looks_sealed(payload):
            raise DecryptionError(
                f"session {self._session_id!r}: the entry at position {position} is sealed, and the session has no key "
                "any more; nothing was changed. Restore it from a backup, or clear the session"
            )
        return self._plain(payload, position)

    def open_all(self, entries: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the payloads of stored entries.

        Raises:
            DecryptionError: There may be none in the clear.
        """
        return [self.open(entry) for entry in entries]

    def tool_name(self, entry: tuple[Any, ...]) -> str | None:
        """Return the tool's name of a stored entry."""
        name: str | None = entry[4]
        return name

    def digest(self, digest: bytes) -> bytes:
        """Return what is stored for the digest of items."""
        return digest


def _looks_sealed(payload: bytes) -> bool:
    """Tell whether a payload is none in the clear: no text begins so."""
    return payload[:1] in {b"", *FORMATS}

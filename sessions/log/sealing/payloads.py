"""Sealed payloads: AES-256-GCM, each bound to its place in the log and to what is kept in the clear beside it.

A payload, as it is stored::

    1 byte     the format: 3 or 4
    4 bytes    the id of the data key
    12 bytes   the nonce, random
    n bytes    the ciphertext
    16 bytes   the tag

The associated data are the entry's other columns: see `bound.py`. The plain text is the item: in format 3 as the text
of a JSON object from brace to brace, so that many can be decoded at once. In format 4 there are, before the item, the
length of the tool's name in four bytes, big endian, and the name; or ``2**32 - 1``, if the name is in the clear or
there is none. Formats 1 and 2 are the same with other associated data; they are read, and not written any more.

AES-GCM is NIST SP 800-38D. Its limit for random nonces, 2**32 under one key, is more than the positions of a segment;
each session has a key of its own.
"""

from __future__ import annotations

import hmac
import os
import struct
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions.codecs.json import ObjectTexts, is_object_text
from sessions.db.ids import position_of
from sessions.errors import DecryptionError
from sessions.log.sealing.associated_data import (
    FORMATS,
    HEADER,
    OLDER_FORMATS,
    bound_to,
    encode_columns,
    with_hidden_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sessions.crypto.data_keys import DataKey

NONCE_BYTES: Final = 12

ALL_FORMATS: Final = (*OLDER_FORMATS, *FORMATS)
"""What sealed payloads begin with: one of these, of which the second and the fourth come with a tool's name."""

_WITH_TOOL_NAME: Final = (OLDER_FORMATS[1], FORMATS[1])
_CIPHERTEXT: Final = HEADER + NONCE_BYTES
_NO_NAME: Final = b"\xff\xff\xff\xff"

_PARTS: Final = f"{HEADER}s{NONCE_BYTES}s"
"""How `struct` writes what is before the ciphertext."""

_nonce = itemgetter(slice(HEADER, _CIPHERTEXT))
_ciphertext = itemgetter(slice(_CIPHERTEXT, None))
_columns = itemgetter(slice(8))
_length = struct.Struct(">I")


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
        overhead: How much longer than its ciphertext, with the tag, a payload is.
        cut: What is between the lengths of two ciphertexts, for `open_joined`.
    """

    overhead = _CIPHERTEXT
    cut = f"s{_PARTS}"

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
        self._ciphers = {form + key.id: AESGCM(key.key) for key in keys for form in ALL_FORMATS}
        self._key_ids = {key.id for key in keys}
        self.newest = keys[-1]
        self._plainly, self._with_name = (form + self.newest.id for form in FORMATS)

    @property
    def beginnings(self) -> tuple[bytes, bytes]:
        """What payloads begin with that are sealed with the newest data key: one of these."""
        return self._plainly, self._with_name

    def seal(self, entry: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return an entry with its payload sealed, and without its tool's name if that is hidden."""
        id_, version, turn, kind, tool_name, author, created_at, expires_at, payload = entry
        header = self._plainly
        if self._hide_tool_names or not is_object_text(payload):
            header = self._with_name
            name = tool_name.encode() if self._hide_tool_names and tool_name is not None else None
            payload = (_NO_NAME if name is None else _length.pack(len(name)) + name) + payload
        if self._hide_tool_names:
            tool_name = None
        columns = id_, version, turn, kind, tool_name, author, created_at, expires_at
        nonce = os.urandom(NONCE_BYTES)
        return *columns, header + nonce + self._ciphers[header].encrypt(nonce, payload, bound_to(columns, header))

    def open(self, entry: tuple[Any, ...]) -> bytes:
        """Return the payload of a stored entry.

        Raises:
            DecryptionError: It is not what was stored there.
        """
        plain_text = self._decrypt(entry)
        return _split(plain_text)[1] if entry[8][:1] in _WITH_TOOL_NAME else plain_text

    def open_all(self, rows: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the payloads of stored entries, each a row of all columns.

        Raises:
            DecryptionError: One is not what was stored there.
        """
        if not rows:
            return []
        sealed = [row[-1] for row in rows]
        try:
            # What the least and the greatest begin with, all begin with.
            headers = {min(sealed)[:HEADER], max(sealed)[:HEADER]}
            bound = map(encode_columns, map(_columns, rows))
            return self._open_each(headers, map(_nonce, sealed), map(_ciphertext, sealed), bound)
        except ValueError:
            # An older format, several keys, plain text; or something is wrong, which `open` says.
            return list(map(self.open, rows))

    def open_joined(self, count: int, payloads: bytes, lengths: str, columns: bytes) -> list[bytes]:
        """Return the payloads of `count` entries.

        Args:
            count: How many they are.
            payloads: Their payloads, one behind another.
            lengths: Their lengths without what is before the ciphertext, with `cut` between them.
            columns: What `encode_columns` makes of each, a line each: in JSON, a line's end is in no string.

        Raises:
            ValueError: One is in an older format or in the clear, or they have several keys, or something is wrong;
                `open` says what.
        """
        try:
            # Not by its function, which would remember each page's format.
            parts = struct.Struct(f"{_PARTS}{lengths}s").unpack(payloads)
        except struct.error:
            raise ValueError("the payloads have other lengths") from None
        bound = columns.split(b"\n")
        if not len(bound) == count == len(parts) // 3:
            raise ValueError("a payload is missing")
        return self._open_each(set(parts[::3]), parts[1::3], parts[2::3], bound)

    def _open_each(
        self, headers: set[bytes], nonces: Iterable[bytes], ciphertexts: Iterable[bytes], bound: Iterable[bytes]
    ) -> list[bytes]:
        """Do as `open` does for each, column by column: the loop of `map` costs less than one of Python's own.

        Raises:
            ValueError: They do not all begin with one of `FORMATS` and one key's id, or something is wrong.
        """
        header = headers.pop()
        cipher = self._ciphers.get(header)
        if headers or cipher is None or header[:1] not in FORMATS:
            raise ValueError("payloads begin in several ways, or as none that is written now")
        try:
            if header[:1] == FORMATS[0]:
                return ObjectTexts(map(cipher.decrypt, nonces, ciphertexts, bound))
            opened = map(cipher.decrypt, nonces, ciphertexts, map(with_hidden_name, bound))
            return [payload for _, payload in map(_split, opened)]
        except InvalidTag:
            raise ValueError("a payload was altered") from None

    def tool_name(self, entry: tuple[Any, ...]) -> str | None:
        """Return the tool's name of a stored entry, hidden or not."""
        hidden = _split(self._decrypt(entry))[0] if entry[8][:1] in _WITH_TOOL_NAME else None
        name: str | None = entry[4] if hidden is None else hidden
        return name

    def digest(self, digest: bytes) -> bytes:
        """Return what is stored for the digest of items: HMAC-SHA256, so that nobody can try likely items."""
        return hmac.digest(self.newest.digest_key, digest, "sha256")

    def _decrypt(self, entry: tuple[Any, ...]) -> bytes:
        id_, payload = entry[0], entry[8]
        header = payload[:HEADER]
        cipher = self._ciphers.get(header)
        if cipher is None:
            return self._not_sealed(payload, id_)
        try:
            return cipher.decrypt(_nonce(payload), _ciphertext(payload), bound_to(entry, header))
        except (InvalidTag, ValueError, struct.error):
            raise DecryptionError(
                f"session {self._session_id!r}: the entry at position {position_of(id_)} is not what was sealed there "
                f"with key {self._wrapped_by!r}: it, or what is stored beside it, was altered or moved; nothing was "
                "changed. Restore it from a backup, or clear the session"
            ) from None

    def _not_sealed(self, payload: bytes, id_: int) -> bytes:
        position = position_of(id_)
        # With the id of a key of the session it was sealed, and its first byte was altered.
        if not _looks_sealed(payload) and payload[1:HEADER] not in self._key_ids:
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

    overhead = SealedPayloads.overhead
    cut = SealedPayloads.cut

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
        payload, position = entry[8], position_of(entry[0])
        if _looks_sealed(payload):
            raise DecryptionError(
                f"session {self._session_id!r}: the entry at position {position} is sealed, and the session has no key "
                "any more; nothing was changed. Restore it from a backup, or clear the session"
            )
        return self._plain(payload, position)

    def open_all(self, rows: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the payloads of stored entries.

        Raises:
            DecryptionError: There may be none in the clear.
        """
        return list(map(self.open, rows))

    def open_joined(self, *_: object) -> list[bytes]:
        """Raise `ValueError`: to tell what may be there takes all columns of each."""
        raise ValueError("they are to be opened one by one")

    def tool_name(self, entry: tuple[Any, ...]) -> str | None:
        """Return the tool's name of a stored entry."""
        name: str | None = entry[4]
        return name

    def digest(self, digest: bytes) -> bytes:
        """Return what is stored for the digest of items."""
        return digest


def _split(plain_text: bytes) -> tuple[str | None, bytes]:
    """Return the tool's name and the payload of a plain text with both."""
    if plain_text.startswith(_NO_NAME):
        return None, plain_text[_length.size :]
    (length,) = _length.unpack_from(plain_text)
    end = _length.size + length
    return plain_text[_length.size : end].decode(), plain_text[end:]


def _looks_sealed(payload: bytes) -> bool:
    """Tell whether a payload is none in the clear: no text begins so."""
    return payload[:1] in {b"", *ALL_FORMATS}

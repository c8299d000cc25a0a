"""Encrypted payloads of a session's entries, each bound to its place in the log and to its row's plain columns.

`crypto/subject_keys.py` encrypts payloads, and `associated_data.py` has the data that they are bound to. The plain text
is the item. If that is the text of a JSON object, from brace to brace, many can be decoded at once. Before an item that
is something else, or whose tool's name is hidden, there are four bytes, which never begin with a brace: the length of
the tool's name, big endian, and then the name; or ``2**32 - 1``, if the name is in the clear or there is none.
"""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cryptography.exceptions import InvalidTag

from sessions.codecs.json import ObjectTexts, is_object_text
from sessions.crypto.subject_keys import HEADER, NONCE_BYTES, PREFIX, looks_encrypted
from sessions.db.ids import position_of
from sessions.errors import DecryptionError
from sessions.log.encryption.associated_data import COLUMNS, associated_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sessions.crypto.subject_keys import SubjectKeys

_NO_NAME: Final = b"\xff\xff\xff\xff"
_INFO: Final = "its info"
_BRACE: Final = ord("{")

_PARTS: Final = f"{HEADER}s{NONCE_BYTES}s"
"""How `struct` writes what is before the ciphertext."""

_header = itemgetter(slice(HEADER))
_nonce = itemgetter(slice(HEADER, PREFIX))
_ciphertext = itemgetter(slice(PREFIX, None))
_first_byte = itemgetter(0)
_length = struct.Struct(">I")


class EncryptedPayloads:
    """Encrypts payloads of one session, and decrypts them.

    Args:
        keys: The session's keys.
        hide_tool_names: Keep tools' names out of the clear.
        plain: Returns a payload in the clear; it raises `DecryptionError` if plain text is not allowed.

    Attributes:
        header: The beginning of payloads that are encrypted with the newest data key.
        digest: Returns the stored form of a digest of items, which reveals nothing without the key.
        overhead: How much longer than its ciphertext, with the tag, a payload is.
        cut: The separator between the lengths of two ciphertexts, for `open_joined`.
    """

    overhead = PREFIX
    cut = f"s{_PARTS}"

    def __init__(self, keys: SubjectKeys, *, hide_tool_names: bool, plain: Callable[[bytes, str], bytes]) -> None:
        self._keys = keys
        self._hide_tool_names = hide_tool_names
        self._plain = plain
        self.header = keys.header
        self.digest = keys.digest

    def encrypt(self, entry: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return an entry with its payload encrypted, and without its tool's name if that is hidden."""
        tool_name, payload = entry[4], entry[COLUMNS]
        if self._hide_tool_names and tool_name is not None:
            name = tool_name.encode()
            payload = _length.pack(len(name)) + name + payload
            entry = (*entry[:4], None, *entry[5:])
        elif not is_object_text(payload):
            payload = _NO_NAME + payload
        return *entry[:COLUMNS], self._keys.encrypt(payload, associated_data(entry))

    def open(self, entry: tuple[Any, ...]) -> bytes:
        """Return the payload of a stored entry.

        Raises:
            DecryptionError: It was altered.
        """
        return self.open_with_name(entry)[1]

    def open_with_name(self, entry: tuple[Any, ...]) -> tuple[str | None, bytes]:
        """Return the tool's name of a stored entry, hidden or not, and its payload.

        Raises:
            DecryptionError: They were altered.
        """
        payload = entry[COLUMNS]
        try:
            plain_text = self._keys.decrypt(payload, associated_data(entry))
        except ValueError:
            position = position_of(entry[0])
            if self._keys.is_plain(payload):
                return entry[4], self._plain(payload, f"the entry at position {position}")
            raise self._keys.refusal(f"the entry at position {position}", payload) from None
        hidden, payload = _split(plain_text)
        return entry[4] if hidden is None else hidden, payload

    def encrypt_info(self, payload: bytes, bound: bytes) -> bytes:
        """Return the session's info encrypted, and bound to other columns."""
        return self._keys.encrypt(payload, bound)

    def open_info(self, payload: bytes, bound: bytes) -> bytes:
        """Return the session's stored info.

        Raises:
            DecryptionError: It was altered.
        """
        try:
            return self._keys.decrypt(payload, bound)
        except ValueError:
            if self._keys.is_plain(payload):
                return self._plain(payload, _INFO)
            raise self._keys.refusal(_INFO, payload) from None

    def encrypt_words(self, words: bytes, bound: bytes) -> bytes:
        """Return the words of some entries encrypted, and bound to their place."""
        return self._keys.encrypt(words, bound)

    def open_words(self, stored: bytes, bound: bytes) -> bytes:
        """Return the stored words of some entries.

        Raises:
            DecryptionError: They were altered, or are in the clear.
        """
        try:
            return self._keys.decrypt(stored, bound)
        except ValueError:
            raise self._keys.refusal("a row of words", stored) from None

    def open_all(self, rows: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the payloads of stored entries, each a row of all columns.

        Raises:
            DecryptionError: One was altered.
        """
        encrypted = [row[-1] for row in rows]
        try:
            parts = (
                map(_header, encrypted),
                map(_nonce, encrypted),
                map(_ciphertext, encrypted),
                map(associated_data, rows),
            )
            return self._open_each(*parts)
        except ValueError:
            # Several keys, plain text; or something is wrong, which `open` says.
            return list(map(self.open, rows))

    def open_joined(self, count: int, payloads: bytes, lengths: str, columns: bytes) -> list[bytes]:
        """Return the payloads of `count` entries.

        Args:
            count: How many they are.
            payloads: Their payloads, one behind another.
            lengths: The lengths of their ciphertexts, with `cut` between them.
            columns: The associated data of each, a line each: in JSON, a line's end is in no string.

        Raises:
            ValueError: One is in the clear or altered, or they have several keys; `open` tells the reason.
        """
        try:
            # Not by its function, which would remember each page's format.
            parts = struct.Struct(f"{_PARTS}{lengths}s").unpack(payloads)
        except struct.error:
            raise ValueError("the payloads have other lengths") from None
        bound = columns.split(b"\n")
        if not len(bound) == count == len(parts) // 3:
            raise ValueError("a payload is missing")
        return self._open_each(parts[::3], parts[1::3], parts[2::3], bound)

    def _open_each(
        self, headers: Iterable[bytes], nonces: Iterable[bytes], ciphertexts: Iterable[bytes], bound: Iterable[bytes]
    ) -> list[bytes]:
        """Do as `open` does for each, column by column: the loop of `map` costs less than one of Python's own.

        Raises:
            ValueError: They have several keys, or something is wrong.
        """
        found = set(headers)
        if len(found) != 1:
            raise ValueError("no payloads, or payloads that begin in several ways")
        cipher = self._keys.cipher(found.pop())
        try:
            plain_texts = ObjectTexts(map(cipher.decrypt, nonces, ciphertexts, bound))
        except InvalidTag:
            raise ValueError("a payload was altered") from None
        if set(map(_first_byte, plain_texts)) == {_BRACE}:
            return plain_texts
        return [payload for _, payload in map(_split, plain_texts)]


class PlainPayloads:
    """Reads a session that is not encrypted yet but will be: only plain text, if that is allowed."""

    header = b""
    overhead = EncryptedPayloads.overhead
    cut = EncryptedPayloads.cut

    def __init__(self, session_id: str, plain: Callable[[bytes, str], bytes]) -> None:
        self._session_id = session_id
        self._plain = plain

    def encrypt(self, _: tuple[Any, ...]) -> tuple[Any, ...]:
        """Refuse: such a session gets its keys before anything is put into it."""
        raise AssertionError(f"session {self._session_id!r} has no keys")

    def open(self, entry: tuple[Any, ...]) -> bytes:
        """Return the payload of a stored entry.

        Raises:
            DecryptionError: It may not be in the clear.
        """
        payload, position = entry[COLUMNS], position_of(entry[0])
        if looks_encrypted(payload):
            raise DecryptionError(
                f"session {self._session_id!r}: the entry at position {position} is encrypted, but the session's "
                "keys were removed. Nothing was changed. Restore it from a backup, or clear the session."
            )
        return self._plain(payload, f"the entry at position {position}")

    def encrypt_info(self, *_: object) -> bytes:
        """Refuse, as `encrypt` does."""
        raise AssertionError(f"session {self._session_id!r} has no keys")

    def open_info(self, payload: bytes, _: bytes) -> bytes:
        """Return the session's stored info.

        Raises:
            DecryptionError: It may not be in the clear, or is not.
        """
        if looks_encrypted(payload):
            raise DecryptionError(
                f"session {self._session_id!r}: {_INFO} is encrypted, but the session's keys were removed. Nothing was "
                "changed. Restore it from a backup, or delete the session."
            )
        return self._plain(payload, _INFO)

    def open_with_name(self, entry: tuple[Any, ...]) -> tuple[str | None, bytes]:
        """Return the tool's name of a stored entry, and its payload.

        Raises:
            DecryptionError: It may not be in the clear.
        """
        return entry[4], self.open(entry)

    def open_all(self, rows: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the payloads of stored entries.

        Raises:
            DecryptionError: They may not be in the clear.
        """
        return list(map(self.open, rows))

    def open_joined(self, *_: object) -> list[bytes]:
        """Raise `ValueError`: checking plain text takes all columns of each row."""
        raise ValueError("they are to be opened one by one")

    def digest(self, digest: bytes) -> bytes:
        """Return the form in which a digest of items is stored."""
        return digest


Payloads: TypeAlias = EncryptedPayloads | PlainPayloads
"""The payloads of one session that is opened with a key."""


def _split(plain_text: bytes) -> tuple[str | None, bytes]:
    """Return the hidden name of a tool, if there is one, and the payload."""
    if plain_text[0] == _BRACE:
        return None, plain_text
    start = _length.size
    if plain_text.startswith(_NO_NAME):
        return None, plain_text[start:]
    (length,) = _length.unpack_from(plain_text)
    return plain_text[start : start + length].decode(), plain_text[start + length :]

"""Keys as text: generated keys have a prefix and a checksum, which tell them from passphrases."""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import hmac
import secrets
import warnings
from typing import Final

from sessions.crypto.passphrase import Passphrase
from sessions.errors import WeakKeyWarning

STRONG_BYTES: Final = 32
"""A key of at least this many random bytes needs no stretching."""

PREFIX: Final = "sessions_key_"
"""The beginning of every generated key."""

_CHECK_BYTES: Final = 4
_CHECK_INFO: Final = b"sessions/key/1/check"
_BODY: Final = 48
"""Letters of base64 for 32 bytes and 4 of the check: no padding and no unused bits, so each key has one spelling."""


def generate_key() -> str:
    """Return a new random key of 32 bytes: ``sessions_key_`` and 48 letters of base64 for URLs.

    Example: ``encryption_key = generate_key()``

    The last letters are a checksum, so a truncated or mistyped key is refused.
    """
    raw = secrets.token_bytes(STRONG_BYTES)
    return PREFIX + base64.urlsafe_b64encode(raw + _check(raw)).decode()


def parse_key(key: object, what: str, stacklevel: int) -> bytes | Passphrase:
    """Return a key's bytes; or a passphrase, with a warning.

    Text made by `generate_key` is a key; all other text is a passphrase, because 32 random bytes in base64 look like
    words of as many letters. Bytes that are printable text are treated as that text: 32 random bytes are text once in
    10**10 keys, and are stretched then. A final newline and a byte order mark, which files add, are not part of a key.

    Args:
        key: Text or bytes.
        what: The key's name in errors.
        stacklevel: The caller that a warning points to, as for `warnings.warn`.

    Raises:
        TypeError: The key is neither text nor bytes.
        ValueError: It is empty, shorter than 32 bytes, or a generated key that was altered.
    """
    if isinstance(key, (bytes, bytearray, memoryview)):
        raw = _without_newlines(bytes(key))
        if len(raw) < STRONG_BYTES:
            raise ValueError(
                f"{what} has {len(raw)} bytes, but a key needs at least {STRONG_BYTES} random ones. Nothing was "
                "encrypted. Make one with sessions.generate_key()."
            )
        text = _text_of(raw)
        if text is None:
            return raw
    elif isinstance(key, str):
        text = _bare(key)
    else:
        raise TypeError(
            f"{what} must be text or bytes, not {type(key).__name__}. Nothing was encrypted. Make one with "
            "sessions.generate_key()."
        )
    if not text:
        raise ValueError(f"{what} is empty. Nothing was encrypted. Make one with sessions.generate_key().")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        # `encode` would find it too, with the key in its error.
        raise ValueError(
            f"{what} has a lone surrogate in it, which is not Unicode text. Nothing was encrypted. Read the "
            "key with the right encoding."
        )
    if text.startswith(PREFIX) or _is_nearly_generated(text):
        return _generated(text, what)
    warnings.warn(
        f"{what} was not made by sessions.generate_key(), so it is used as a passphrase, which can be "
        'guessed and is stretched for that. Make a key with `python -c "import sessions; '
        'print(sessions.generate_key())"` and keep it where secrets are kept. If the text is 32 random '
        "bytes in base64 or hexadecimal digits, pass those bytes.",
        WeakKeyWarning,
        stacklevel=stacklevel + 1,
    )
    return Passphrase(text)


def spellings(key: str | bytes) -> tuple[str | bytes, ...]:
    """Return a key as it was given and, where these differ, without a file's additions and as text.

    The OpenAI Agents SDK knows keys as text alone.
    """
    if isinstance(key, str):
        found: tuple[str | bytes | None, ...] = key, _bare(key)
    else:
        raw = bytes(key)
        found = raw, _without_newlines(raw), _text_of(raw)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _generated(text: str, what: str) -> bytes:
    raw = _checked(text[len(PREFIX) :])
    if raw is None or not text.startswith(PREFIX):
        raise ValueError(
            f"{what} looks like a key of sessions.generate_key(), but was cut or altered: such a key begins "
            f"with {PREFIX} and has {len(PREFIX) + _BODY} letters, this one {len(text)}. Nothing was "
            "encrypted. Copy the whole key, and nothing else."
        )
    return raw


def _is_nearly_generated(text: str) -> bool:
    """Tell whether a text with another prefix is a generated key with something added or altered.

    Used as a passphrase, it would encrypt data that the key itself cannot decrypt.
    """
    inner = text.strip().strip("\"'`").strip()
    return inner.lower().startswith(PREFIX) or _checked(inner[-_BODY:]) is not None


def _checked(body: str) -> bytes | None:
    """Return the bytes of a generated key, given without its prefix; ``None`` if its checksum is wrong."""
    try:
        decoded = base64.urlsafe_b64decode(body.encode("ascii"))
    except (ValueError, binascii.Error):
        return None
    # The decoder skips unknown letters, and accepts the letters of standard base64 as well.
    if base64.urlsafe_b64encode(decoded).decode() != body or len(body) != _BODY:
        return None
    raw, check = decoded[:STRONG_BYTES], decoded[STRONG_BYTES:]
    return raw if hmac.compare_digest(check, _check(raw)) else None


def _check(raw: bytes) -> bytes:
    return hashlib.sha256(_CHECK_INFO + raw).digest()[:_CHECK_BYTES]


def _bare(text: str) -> str:
    """Return text without a byte order mark at its beginning and newlines at its end."""
    return text.removeprefix("\ufeff").rstrip("\r\n")


def _without_newlines(raw: bytes) -> bytes:
    """Return bytes without the newlines at their end, but never fewer than 32 of them: a random byte may be one."""
    return raw[:STRONG_BYTES] + raw[STRONG_BYTES:].rstrip(b"\r\n")


def _text_of(raw: bytes) -> str | None:
    """Return the text that bytes are, bare; ``None`` for bytes that are not text."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # One key of random bytes in 2**15 begins like this too, so only a generated key counts as text.
        text = _bare(raw.decode("utf-16", "replace"))
        return text if _is_nearly_generated(text) else None
    try:
        text = _bare(raw.decode())
    except UnicodeDecodeError:
        return None
    return text if all(letter.isprintable() or letter.isspace() for letter in text) else None

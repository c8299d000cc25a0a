"""How keys are written: generated ones with a beginning and a check, by which they are told from passphrases."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import warnings
from typing import Final

from sessions.codecs.passphrase import Passphrase
from sessions.errors import WeakKeyWarning

STRONG_BYTES: Final = 32
"""From so many random bytes on, a key needs no stretching."""

PREFIX: Final = "sessions_key_"
"""The beginning of every generated key."""

_CHECK_BYTES: Final = 4
_CHECK_INFO: Final = b"sessions/key/1/check"
_BODY: Final = 48
"""Letters of base64 for 32 bytes and 4 of the check: no padding and no unused bits, so each key has one spelling."""


def generate_key() -> str:
    """Return a new random key of 32 bytes: ``sessions_key_`` and 48 letters of base64 for URLs.

    The last ones are a check, so a key that was cut or mistyped is refused.

    Example:
        ``encryption_key = generate_key()``
    """
    raw = secrets.token_bytes(STRONG_BYTES)
    return PREFIX + base64.urlsafe_b64encode(raw + _check(raw)).decode()


def parse_key(key: object, what: str, stacklevel: int) -> bytes | Passphrase:
    """Return a key's bytes, or a passphrase, with a warning.

    Text that `generate_key` made is a key, and all other text is a passphrase: nothing tells 32 random bytes in base64
    from words of as many letters. Bytes that are printable text are treated as that text: 32 random bytes are text
    once in 10**10 keys, and then they are stretched. A final newline, as files have, is no part of a key.

    Args:
        key: Text or bytes.
        what: What the key is called in errors.
        stacklevel: Whose call a warning is about, as for `warnings.warn`.

    Raises:
        TypeError: The key is neither text nor bytes.
        ValueError: It is empty, of fewer than 32 bytes, or a generated key that was altered.
    """
    if isinstance(key, (bytes, bytearray, memoryview)):
        raw = _without_newlines(bytes(key))
        if len(raw) < STRONG_BYTES:
            raise ValueError(
                f"{what} has {len(raw)} bytes; it needs {STRONG_BYTES} random ones, as sessions.generate_key() makes"
            )
        text = _as_text(raw)
        if text is None:
            return raw
    elif isinstance(key, str):
        text = key
    else:
        raise TypeError(f"{what} must be text or bytes, not {type(key).__name__}")
    text = text.rstrip("\r\n")
    if not text:
        raise ValueError(f"{what} is empty; sessions.generate_key() makes one")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        # `encode` would find it too, with the key in its error.
        raise ValueError(f"{what} has a lone surrogate in it, which is no Unicode text")
    if text.startswith(PREFIX):
        return _generated(text, what)
    warnings.warn(
        f"{what} is text that sessions.generate_key() did not make. It is used as a passphrase, which can be guessed, "
        "and is stretched for that; a generated key cannot be guessed and needs no stretching. Make one with "
        '`python -c "import sessions; print(sessions.generate_key())"` and keep it where secrets are kept. If the text '
        "is 32 random bytes in base64 or hexadecimal digits, pass those bytes",
        WeakKeyWarning,
        stacklevel=stacklevel + 1,
    )
    return Passphrase(text)


def spellings(key: str | bytes) -> tuple[str | bytes, ...]:
    """Return a key as it was given and, if that differs, without a final newline."""
    bare = key.rstrip("\r\n") if isinstance(key, str) else _without_newlines(bytes(key))
    text = None if isinstance(bare, str) else _as_text(bare)
    # The OpenAI Agents SDK knows keys as text alone.
    texts = () if text is None else (text.rstrip("\r\n"),)
    return tuple(dict.fromkeys((key if isinstance(key, str) else bytes(key), bare, *texts)))


def _generated(text: str, what: str) -> bytes:
    try:
        decoded = base64.b64decode(text[len(PREFIX) :].encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    raw, check = decoded[:STRONG_BYTES], decoded[STRONG_BYTES:]
    if len(text) != len(PREFIX) + _BODY or not hmac.compare_digest(check, _check(raw)):
        raise ValueError(
            f"{what} begins as keys of sessions.generate_key() do, but was cut or altered: such a key has "
            f"{len(PREFIX) + _BODY} letters, this one {len(text)}. Copy all of it"
        )
    return raw


def _check(raw: bytes) -> bytes:
    return hashlib.sha256(_CHECK_INFO + raw).digest()[:_CHECK_BYTES]


def _without_newlines(raw: bytes) -> bytes:
    """Return bytes without the newlines at their end, but never fewer than 32 of them: a random byte may be one."""
    while len(raw) > STRONG_BYTES and raw.endswith(b"\n"):
        raw = raw[:-1]
    return raw


def _as_text(raw: bytes) -> str | None:
    """Return bytes as text, if all of it is printable."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return text if all(letter.isprintable() or letter.isspace() for letter in text) else None

"""Idempotency keys that a store gives to appends without one, so that they can be repeated if an answer is lost."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from sessions.log.append import Idempotency

if TYPE_CHECKING:
    from sessions.log.append import Append

_BEGINNING: Final = "\x01"


def with_key(append: Append) -> Append:
    """Return an append that can be repeated: if its answer is lost, the key tells whether it was done."""
    if append.idempotency or not append.entries:
        return append
    key = f"{_BEGINNING}{append.now:016x}{secrets.token_hex(8)}"
    return msgspec.structs.replace(append, idempotency=Idempotency(key, b""))


def is_automatic(key: str) -> bool:
    """Tell whether a key was made by `with_key`."""
    return key.startswith(_BEGINNING)

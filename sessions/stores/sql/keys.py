"""Idempotency keys that a store gives to appends without one, so that they can be repeated if an answer is lost."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from sessions.log.append import Idempotency
from sessions.log.transaction import Statement

if TYPE_CHECKING:
    from sessions.log.append import Append

_BEGINNING: Final = "\x01"

_LIFE: Final = 15 * 60 * 1_000_000
"""Microseconds for which they are kept at least: longer than any retry takes, unless ``attempt_timeout`` is as long."""

FORGET_AUTOMATIC_KEYS: Final = Statement(
    "Remove a session's keys between two.",
    """
    delete from {appends} where session = (select id from {sessions} where session_id = :session_id)
    and idempotency_key > :low and idempotency_key < :high
    """,
)


def with_key(append: Append) -> Append:
    """Return an append that can be repeated: if its answer is lost, the key tells whether it was done."""
    if append.idempotency or not append.entries:
        return append
    key = f"{_BEGINNING}{append.now:016x}{secrets.token_hex(8)}"
    return msgspec.structs.replace(append, idempotency=Idempotency(key, b""))


def automatic_keys(now: int) -> tuple[str, str]:
    """Return the two keys between which lie those that nobody will repeat any more."""
    return _BEGINNING, f"{_BEGINNING}{now - _LIFE:016x}"

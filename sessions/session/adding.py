"""The append that adds some items to a session: checked, encoded and classified, before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.clock import NEVER, now
from sessions.errors import InvalidItemError, sentence
from sessions.items.calls import classify_with_formats
from sessions.items.kinds import USER
from sessions.log.append import Append, Idempotency
from sessions.log.core.extend import NewEntry
from sessions.log.core.idempotency import FIRST_GIVEN
from sessions.log.core.item_keys import item_key
from sessions.validation import DEFAULT, MAX_KEY_BYTES, Default, check_count, check_keys, check_text, check_ttl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sessions.codecs import Codec
    from sessions.session.handle import Handle

_WRITE = 'Write [{"role": "user", "content": "…"}]'


def as_listed(items: object) -> list[Any]:
    """Return an iterable of items as a list. Refuse text, bytes and a single dictionary, which are likely mistakes."""
    if isinstance(items, list):
        return items
    if isinstance(items, (str, bytes, dict)) or not hasattr(items, "__iter__"):
        raise TypeError(
            f"items must be a list of JSON objects, not {type(items).__name__}. Nothing was added. "
            f"{'Write [item]' if isinstance(items, dict) else _WRITE}."
        )
    return list(items)


def prepare_append(
    handle: Handle,
    items: list[Any],
    *,
    idempotency_key: str | None,
    keys: Sequence[str | None] | None,
    ttl: float | timedelta | Default | None,
    expected_version: int | None,
) -> Append:
    """Return the append of some items, with an entry for each of them. See `LogSession.add_items`."""
    lifetime = handle.lifetime
    if ttl is not DEFAULT:
        lifetime = NEVER if ttl is None else check_ttl(ttl)
    if expected_version is not None:
        expected_version = check_count(expected_version, "expected_version", least=0)
    names = None if keys is None else check_keys(keys, len(items))
    codec = handle.codec
    try:
        payloads = codec.encode_all(items)
    except InvalidItemError as error:
        raise InvalidItemError(f"{handle.subject}: {sentence(error)} Nothing was added.") from None
    idempotency = None if idempotency_key is None else _idempotency(codec, idempotency_key, items)
    named = (
        [None] * len(items)
        if names is None
        else [
            None if name is None else item_key(name, codec.digest([item]))
            for name, item in zip(names, items, strict=True)
        ]
    )
    author, agent = handle.author, handle.agent
    known, formats = classify_with_formats(items)
    entries = [
        NewEntry(payload, kind, tool_name, author if kind == USER else agent, key, format_)
        for payload, (kind, tool_name), key, format_ in zip(payloads, known, named, formats, strict=True)
    ]
    added_at = now()
    expires_at = None if lifetime is None else min(added_at + lifetime, NEVER)
    place = handle.conversation, entries, added_at, idempotency, handle.target
    return Append(*place, expires_at=expires_at, expected_version=expected_version, keyed=any(named))


def _idempotency(codec: Codec, idempotency_key: str, items: list[Any]) -> Idempotency:
    key = check_text(idempotency_key, "idempotency_key", MAX_KEY_BYTES)
    if key < FIRST_GIVEN:
        # Reserved: the keys that stores make for their own retries begin with one.
        raise ValueError(
            "idempotency_key must not begin with a control character. Nothing was added. Use a printable key "
            "such as a request's id."
        )
    return Idempotency(key, codec.digest(items))

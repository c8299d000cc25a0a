"""Checking payloads: they can be opened and decoded, and the columns beside them agree with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.crypto.unlocking import Locked
from sessions.errors import DecryptionError
from sessions.items.calls import dialect_named
from sessions.items.kinds import OUTPUTS, PLACEHOLDER, UNKNOWN
from sessions.log.context.annotations import EXPANSION, SUMMARY, Covering, is_mark, summary_taken_back
from sessions.log.words import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.items.dialects.dialect import Dialect
    from sessions.log.encryption.payloads import Payloads
    from sessions.log.verify.reading import Reading
    from sessions.log.words import EntryRow
    from sessions.types.verify import FindingCode

    Wrongs = Iterator[tuple[FindingCode, str]]


def check_payload(reading: Reading, entry: EntryRow, payloads: Payloads | Locked | None) -> Wrongs:
    """Check an entry's payload, and its kind and tool's name by it.

    Args:
        reading: How items are decoded.
        entry: The entry.
        payloads: The payloads of its session; ``None`` if it is not encrypted.
    """
    payload, tool_name = bytes(entry.payload), entry.tool_name
    if isinstance(payloads, Locked):
        if not payload:
            yield "payload-undecodable", "The entry is empty."
        return
    if payloads is not None:
        try:
            tool_name, payload = payloads.open_with_name(entry._replace(payload=payload))
        except DecryptionError:
            yield _unopened(payload)
            return
        except (ValueError, LookupError):
            yield "payload-altered", "The entry does not have the form of a decrypted one."
            return
    try:
        item = reading.codec.decode(payload)
    except (ValueError, RecursionError):
        yield "payload-undecodable", _why(payload, is_encrypted=payloads is not None)
        return
    if is_mark(entry.kind):
        yield from _check_mark(entry, item, tool_name)
    elif entry.kind != UNKNOWN and (dialect := dialect_named(entry.format)) is not None:
        yield from _check_kind(dialect, entry, item, tool_name)


def _unopened(payload: bytes) -> tuple[FindingCode, str]:
    from sessions.crypto.subject_keys import looks_encrypted  # noqa: PLC0415 - only for encrypted sessions

    if looks_encrypted(payload):
        return "payload-altered", "The entry cannot be decrypted: it or its row was altered or moved."
    return "payload-plain", "The entry is not encrypted, in an encrypted session."


def _why(payload: bytes, *, is_encrypted: bool) -> str:
    from sessions.crypto.subject_keys import looks_encrypted  # noqa: PLC0415 - only for what cannot be decoded

    if payload and not is_encrypted and looks_encrypted(payload):
        return "The entry is encrypted, and its session's row has no keys."
    return "The entry's item cannot be decoded."


def _check_mark(entry: EntryRow, content: Any, tool_name: str | None) -> Wrongs:
    """Check the content of an entry that is no item."""
    if tool_name is not None:
        yield "tool-name-wrong", "The entry has a tool, and is no item."
    kind = entry.kind.removeprefix(MARK)
    if not isinstance(content, dict) or content.get("type") != kind:
        yield "mark-wrong", "The entry's content is not of its kind."
    elif entry.kind == SUMMARY and Covering.of(entry, content) is None:
        yield "mark-wrong", "The summary cannot stand for the range that it names."
    elif entry.kind == EXPANSION and not 0 < summary_taken_back(content) < entry.position:
        yield "mark-wrong", "The entry reverts a summary that is not before it."


def _check_kind(dialect: Dialect, entry: EntryRow, item: Any, tool_name: str | None) -> Wrongs:
    """Check an item's kind and its tool's name. An output's name may be known from its call alone."""
    try:
        if entry.kind == PLACEHOLDER:
            if dialect.kind_of(item) not in OUTPUTS:
                yield "kind-wrong", "The entry is kept as a placeholder, and is no output."
            return
        ((kind, name),) = dialect.classify([item])
    except (AttributeError, TypeError):
        yield "payload-undecodable", "The entry's content is no item."
        return
    if kind != entry.kind:
        yield "kind-wrong", "The entry's kind is not that of its item."
    elif kind not in OUTPUTS and name != tool_name:
        yield "tool-name-wrong", "The entry's tool is not the one that its item calls, or its item calls none."

"""Reading the keys of items, with digests that another session can use; and the notes about repeated items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from sessions.db.dialect import text_of_key
from sessions.log.conversation import NO_EXPIRY
from sessions.log.core.heads import NUMBERS
from sessions.log.core.item_keys import RAW, plain_digest
from sessions.log.exports.encoding import encode_line
from sessions.log.exports.lines import CopyLine, KeyLine
from sessions.log.exports.stage import Some, some
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import exports as statements

if TYPE_CHECKING:
    from sessions.log.exports.stage import Stage


class _Digesting(Protocol):
    def digest(self, items: list[Any], /) -> bytes: ...


class _KeyPlace(NamedTuple):
    entry: int = -(1 << 63) + 1
    item_key: str = ""
    branch: int = -1
    version: int = -1


def read_keys(stage: Stage, after: _KeyPlace | None) -> Some:
    """Read item keys in the order of their entries."""
    place = after or _KeyPlace()
    rows = stage.tx.all(
        statements.ITEM_KEYS,
        session=stage.snapshot.session,
        version=stage.snapshot.version,
        entry=place.entry,
        item_key=place.item_key,
        branch=place.branch,
        key_version=place.version,
        count=stage.room,
    )
    lines = []
    last = None
    for stored, entry, branch, version, digest, until in rows:
        key = text_of_key(stored)
        run, position = stage.place(abs(entry))
        line = KeyLine(
            key=key,
            run=run,
            position=position,
            version=version,
            until=until,
            digest=_digest(stage, key, abs(entry), bytes(digest)),
            popped=entry < 0,
            branch=branch % NUMBERS if branch > 0 else branch,
        )
        lines.append(encode_line(line))
        last = _KeyPlace(entry, key, branch, version)
    return some(stage, lines, "keys", last)


def read_copies(stage: Stage, after: tuple[int, int] | None) -> Some:
    """Read the notes about entries that repeat another one's item, in the order of the entries."""
    entry, version = after or (-1, -1)
    place = {"session": stage.snapshot.session, "entry": entry, "version": version}
    rows = stage.tx.all(statements.COPIES, count=stage.room, **place)
    lines = []
    for copy, added_in, source, source_version in rows:
        (run, position), (source_run, source_position) = stage.source(copy), stage.source(source)
        if not run:
            continue  # The copy is gone.
        line = CopyLine(
            run=run,
            position=position,
            version=added_in,
            source_run=source_run,
            source_position=source_position,
            source_version=source_version,
        )
        lines.append(encode_line(line))
    return Some(lines, tuple(rows[-1][:2]) if len(rows) == stage.room else None, {"copies": len(lines)})


def _digest(stage: Stage, key: str, entry: int, stored: bytes) -> bytes | None:
    """Return the digest of a key's item as it is without encryption; ``None`` if it cannot be told.

    In an encrypted session it is made again of the item: the stored one is good for this session's key alone.
    """
    reader = stage.reader
    if not stage.snapshot.encrypted:
        return stored if len(stored) == RAW else None
    row = stage.tx.one(entry_statements.ENTRY, id=entry)
    visible = {**stage.conversation.visible, "oldest": NO_EXPIRY}
    if row is None or not (row[7] is None or row[7] > visible["now"]):
        return None
    try:
        item = reader.open(row)
    except ValueError:
        return None
    codec = cast("_Digesting", stage.conversation.codec)
    return plain_digest(key, codec.digest([item]), stored, reader.session_key)

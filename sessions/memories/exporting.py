"""Exporting memories as lines, and importing them: whole pages, each a transaction of its own."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.clock import now
from sessions.codecs.lines import is_item
from sessions.errors import ConflictError, PlainTextRefusedError
from sessions.labels import decode_owner
from sessions.memories.indexing import index
from sessions.memories.present import wanted_of
from sessions.memories.writing import prepare
from sessions.memory.changes import Change
from sessions.memory.export_lines import MemoryLine
from sessions.memory.exports import encrypted_space, read_page
from sessions.memory.paths import labels_of
from sessions.memory.prepared import Restored
from sessions.memory.read import get_many
from sessions.types.memories import Put

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sessions.memories.hold import Hold
    from sessions.memory.exports import Exported, Owners
    from sessions.memory.prepared import Changed, PreparedPut
    from sessions.memory.settings import Settings

_TRIES: Final = 10
"""How often a page is put that others put some memories of meanwhile."""


async def refuse_encrypted(hold: Hold, owners: Owners) -> None:
    """Go on if no wanted memory is encrypted.

    Raises:
        PlainTextRefusedError: One is.
    """
    path = await hold.read(partial(encrypted_space, owners=owners))
    if path is not None:
        raise PlainTextRefusedError(
            f"memories of namespace {labels_of(path)!r} are encrypted, and an export holds their values as plain text. "
            "They were not exported. Pass plain=True, and keep the result as safe as the keys. To keep the content "
            "encrypted, back up the database itself."
        )


async def export_memories(hold: Hold, owners: Owners) -> AsyncGenerator[list[MemoryLine]]:
    """Yield all memories of some owners in the order of namespaces and keys, page by page.

    Raises:
        MissingKeyError: A namespace is encrypted, and there is no key.
        DecryptionError: The keys here do not open it.
        UndecodableItemError: A value cannot be read.
    """
    after, is_first = None, True
    while is_first or after is not None:
        page = await hold.read(partial(read_page, owners=owners, after=after, now=now()))
        yield [await _line(hold, one) for one in page.memories]
        after, is_first = page.after, False


async def _line(hold: Hold, one: Exported) -> MemoryLine:
    (row,) = await hold.opened([one.row])
    wanted = await wanted_of(hold, one.row, hold.parts(row)["value"], one.searched)
    owner = decode_owner(row.owner)
    content: dict[str, Any] = {"value": msgspec.Raw(row.payload)} if is_item(row.payload) else {"payload": row.payload}
    return MemoryLine(
        namespace=labels_of(row.path),
        key=row.name,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        ttl=row.ttl,
        expires_at=row.expires_at,
        owner=(owner,) if isinstance(owner, str) else owner,
        index=wanted if isinstance(wanted, bool) else tuple(wanted),
        **content,
    )


async def import_memories(hold: Hold, lines: Sequence[MemoryLine], *, skips: bool) -> int:
    """Put some memories in one transaction, with their times; return how many were put.

    Those that have expired are left out.

    Args:
        hold: The memories of a store.
        lines: The memories, which have been checked.
        skips: Whether memories that exist are left out; else they are an error.

    Raises:
        ConflictError: A memory exists, and may not be skipped. Nothing was put.
        OwnerError: A namespace belongs to another owner. Nothing was put.
        EmbeddingError: The embedding model failed. Nothing was put.
        UndecodableItemError: The codec here cannot read a value. Nothing was put.
    """
    for _ in range(_TRIES):
        at = now()
        wanted = [line for line in lines if line.expires_at is None or line.expires_at > at]
        keys = [(hold.path(line.namespace), line.key) for line in wanted]
        there = await hold.read(partial(get_many, keys=keys, now=at))
        if there and not skips:
            (path, name), *_ = there
            raise _exists(path, name)
        new = [line for line, key in zip(wanted, keys, strict=True) if key not in there]
        if not new:
            return 0
        try:
            await _put(hold, new)
        except ConflictError:
            # Others have put one of them since.
            continue
        return len(new)
    raise ConflictError(
        f"others put the same memories {_TRIES} times while they were imported. They and the memories after them were "
        "not imported. Import again with on_exists='skip'."
    )


async def _put(hold: Hold, lines: Sequence[MemoryLine]) -> None:
    prepared = prepare(hold, [_put_of(hold, line) for line in lines])
    # Their payloads are those that the codec here writes: another program may write the same value with escapes or
    # exponents, and filters look for its characters (`memory/fragments.py`).
    restored = [
        msgspec.structs.replace(put, restored=Restored(line.version, line.created_at, line.updated_at, line.expires_at))
        for put, line in zip(prepared, lines, strict=True)
    ]
    await hold.by_settings(partial(_change, hold, restored))


async def _change(hold: Hold, prepared: Sequence[PreparedPut], settings: Settings) -> Sequence[Changed]:
    puts = await index(hold, prepared, settings)
    return await hold.write(Change(puts, now(), settings.number, hold.common.sealing))


def _put_of(hold: Hold, line: MemoryLine) -> Put:
    try:
        value = hold.common.codec.decode(line.content)
    except ValueError:
        raise hold.undecodable(hold.path(line.namespace), line.key) from None
    options: dict[str, Any] = {} if line.owner is None else {"owner": line.owner}
    ttl = None if line.ttl is None else timedelta(microseconds=line.ttl)
    wanted = line.index if isinstance(line.index, bool) else list(line.index)
    return Put(line.namespace, line.key, value, ttl=ttl, index=wanted, if_version=0, **options)


def _exists(path: str, name: str) -> ConflictError:
    return ConflictError(
        f"memory {name!r} of namespace {labels_of(path)!r} exists already. It and the memories after it were not "
        "imported. Pass on_exists='skip' to leave out memories that exist, or delete it first."
    )

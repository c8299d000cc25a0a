"""Shared by the parts of the contract: a serializer, checkpoints to be put, and a look at all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from sessions.checkpoints.component import THREADS
from sessions.checkpoints.parts import decode, encode
from sessions.checkpoints.ranges import ids_in, load_heads
from sessions.checkpoints.values import NewCheckpoint, NewWrite, Place
from sessions.db.transaction import Statement
from sessions.db.verify import verify
from sessions.store.threads import ThreadStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessions.checkpoints.values import Checkpoint, Value
    from sessions.db.transaction import Transaction

OpenThreads: TypeAlias = Callable[..., ThreadStore]
"""``open_threads(**options)`` returns a `ThreadStore` on the test's database, each time another one."""

PLACE: Final = Place("t")


def dumps(value: Any) -> tuple[str, bytes]:
    """Serialize an object, as the serializers of frameworks do."""
    return ("null", b"") if value is None else ("msgpack", msgspec.msgpack.encode(value))


def loads(typed: tuple[str, bytes]) -> Any:
    """Return the object."""
    kind, data = typed
    return None if kind == "null" else msgspec.msgpack.decode(data)


def value(content: Any) -> Value:
    """Return an object as a value."""
    return encode(content, dumps)


def contents(found: Checkpoint) -> dict[str, Any]:
    """Return the objects of a checkpoint, by channel."""
    return {channel: decode(one, loads) for channel, one in found.values.items()}


def writes(found: Checkpoint) -> list[tuple[str, str, Any, str, int]]:
    """Return the writes of a checkpoint, with their objects."""
    return [(one.task_id, one.channel, decode(one.value, loads), one.task_path, one.number) for one in found.writes]


def new(
    checkpoint_id: str,
    parent_id: str | None = None,
    values: Mapping[str, Any] | None = None,
    *,
    versions: Mapping[str, int] | None = None,
    unchanged: Sequence[str] = (),
    **others: Any,
) -> NewCheckpoint:
    """Return a checkpoint with these objects; without `versions`, all channels have the version 1."""
    given = dict(values or {})
    return NewCheckpoint(
        checkpoint_id=checkpoint_id,
        parent_id=parent_id,
        head=others.pop("head", b"head of " + checkpoint_id.encode()),
        metadata=others.pop("metadata", b"metadata of " + checkpoint_id.encode()),
        versions=dict.fromkeys(given, 1) if versions is None else versions,
        changed={channel: value(one) for channel, one in given.items() if channel not in unchanged},
        unchanged={channel: _later(given[channel]) for channel in unchanged},
        **others,
    )


def _later(content: Any) -> Callable[[], Value]:
    return lambda: value(content)


def write(index: int, channel: str, content: Any) -> NewWrite:
    """Return a write of an object."""
    return NewWrite(index, channel, value(content))


async def ids(store: ThreadStore, query: Any) -> list[str]:
    """Return the ids of the checkpoints that a query lists."""
    return [found.checkpoint_id async for found in store.list(query)]


_ORPHANS: Final = {
    "lines": "select count(*) from {lines} l where not exists (select 1 from {threads} t where t.id = l.thread)",
    "chains": """
        select count(*) from {chains} c
        where not exists (select 1 from {lines} l where l.id = c.line or c.line is null and l.id = c.id)
    """,
    "checkpoints": """
        select count(*) from {checkpoints} c where not exists (select 1 from {lines} l where l.id = c.line)
    """,
    "writes": "select count(*) from {writes} w where not exists (select 1 from {lines} l where l.id = w.line)",
}
_COUNTS: Final = {table: Statement(f"{table} without a line or thread.", text) for table, text in _ORPHANS.items()}
_HEADS: Final = Statement("All heads.", "select heads from {checkpoints}")
_PIECES: Final = Statement("All pieces.", "select id from {pieces}")


def orphans(tx: Transaction) -> dict[str, int]:
    """Return how many rows of each table belong to nothing, or are missing, if any."""
    found = {table: int(tx.the(statement)[0]) for table, statement in _COUNTS.items()}
    wanted = {number for (heads,) in tx.all(_HEADS) for number in ids_in(load_heads(heads))}
    there = {number for (number,) in tx.all(_PIECES)}
    found |= {"pieces": len(there - wanted), "missing pieces": len(wanted - there)}
    return {table: count for table, count in found.items() if count}


async def check_verified(store: ThreadStore) -> None:
    """Assert that verification finds nothing."""
    steps = verify(store._backend, [THREADS], None, "this test", whole=False)  # noqa: SLF001 - no object shows rows
    assert [str(finding) async for step in steps for finding in step.findings] == []


async def check_rows(store: ThreadStore) -> None:
    """Assert that no row belongs to nothing."""
    found = await store._backend.read(orphans, "the rows of all threads")  # noqa: SLF001 - no object shows rows
    assert found == {}

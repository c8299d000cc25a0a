"""Reading the tables of LangGraph's official savers, in the database of a store.

The formats are those of langgraph-checkpoint-sqlite 3.1 (tables ``checkpoints`` and ``writes``: the whole state in each
row) and langgraph-checkpoint-postgres 3.2 (``checkpoints``, ``checkpoint_blobs`` and ``checkpoint_writes``: JSON, and
a blob for each version of a channel). Their packages need not be installed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.checkpoints.official_tables import are_there
from sessions.db.dialect import POSTGRES, SQLITE
from sessions.db.transaction import Statement
from sessions.errors import UndecodableStateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Row, Transaction

_NONE: Final = "select 0"
_SENDS: Final = "__pregel_tasks"
_SENDS_SINCE: Final = 4
"""The version of checkpoints from which on they have the sends of the step before among their values."""

_HAS_TASK_PATH: Final = Statement(
    "Whether the writes have their tasks' paths, as they do since 2025.",
    "select 1",
    {
        SQLITE: "select count(*) from pragma_table_info('writes') where name = 'task_path'",
        POSTGRES: """
        select count(*) from information_schema.columns
        where table_name = 'checkpoint_writes' and column_name = 'task_path'
            and table_schema = any (current_schemas(false))
        """,
    },
)

_THREADS: Final = Statement(
    "Some threads behind one, by their ids.",
    "select distinct thread_id from checkpoints where thread_id > :after order by thread_id limit :count",
)

_STEPS: Final = Statement(
    "The checkpoints of a thread, oldest first.",
    """
    select checkpoint_ns, checkpoint_id from checkpoints where thread_id = :thread_id
    order by checkpoint_id, checkpoint_ns
    """,
)

_ONE: Final = "from checkpoints where thread_id = :thread_id and checkpoint_ns = :ns and checkpoint_id = :checkpoint_id"

_CHECKPOINT: Final = Statement(
    "A checkpoint: its parent, its type, the checkpoint and its metadata.",
    f"select parent_checkpoint_id, type, checkpoint, metadata {_ONE}",
    {POSTGRES: f"select parent_checkpoint_id, 'json', cast(checkpoint as text), cast(metadata as text) {_ONE}"},
)

_BLOBS: Final = Statement(
    "The blobs of a checkpoint's channels.",
    _NONE,
    {
        POSTGRES: """
        select b.channel, b.type, b.blob from checkpoints c
        cross join lateral jsonb_each_text(c.checkpoint -> 'channel_versions') v
        join checkpoint_blobs b on b.thread_id = c.thread_id and b.checkpoint_ns = c.checkpoint_ns
            and b.channel = v.key and b.version = v.value
        where c.thread_id = :thread_id and c.checkpoint_ns = :ns and c.checkpoint_id = :checkpoint_id
        """
    },
)

_WRITES: Final = """
    select task_id, {path}, idx, channel, type, {value} from {table}
    where thread_id = :thread_id and checkpoint_ns = :ns and checkpoint_id = :checkpoint_id
"""


def _writes(path: str) -> Statement:
    sqlite = _WRITES.format(path=path, value="value", table="writes")
    return Statement(
        "The writes of a checkpoint's tasks.",
        sqlite,
        {POSTGRES: _WRITES.format(path=path, value="blob", table="checkpoint_writes")},
    )


_WITH_PATH: Final = _writes("task_path")
_WITHOUT_PATH: Final = _writes("''")


class Step(NamedTuple):
    """Where a checkpoint is in its thread."""

    ns: str
    checkpoint_id: str


class StoredWrite(NamedTuple):
    """A write of a task, as it is stored."""

    task_id: str
    task_path: str
    at: int
    channel: str
    kind: str
    value: bytes


class StoredStep(NamedTuple):
    """A checkpoint as it is stored: its values are not decoded, as constructors run on no connection's thread."""

    parent_id: str | None
    kind: str
    checkpoint: bytes | str
    metadata: bytes | str | None
    blobs: list[tuple[str, str, bytes | None]]
    writes: list[StoredWrite]
    sends: list[StoredWrite]


class OfficialStep(NamedTuple):
    """A checkpoint of an official saver.

    Attributes:
        parent_id: The checkpoint that it follows.
        checkpoint: The checkpoint, with its values.
        metadata: Its metadata.
        writes: The tasks' writes: task, path, index, channel and value.
    """

    parent_id: str | None
    checkpoint: dict[str, Any]
    metadata: dict[str, Any]
    writes: list[tuple[str, str, int, str, Any]]


def find_threads(tx: Transaction, after: str, count: int) -> list[str]:
    """Return the ids of some threads behind one, in their order; none without the tables."""
    if not are_there(tx):
        return []
    return [str(row[0]) for row in tx.all(_THREADS, after=after, count=count)]


def find_steps(tx: Transaction, thread_id: str) -> list[Step]:
    """Return the checkpoints of a thread, oldest first; none without the tables."""
    if not are_there(tx):
        return []
    return [Step(*row) for row in tx.all(_STEPS, thread_id=thread_id)]


def read_step(tx: Transaction, thread_id: str, step: Step) -> StoredStep | None:
    """Return a checkpoint; ``None`` if it has gone."""
    key = {"thread_id": thread_id, "ns": step.ns, "checkpoint_id": step.checkpoint_id}
    row = tx.one(_CHECKPOINT, **key)
    if row is None:
        return None
    statement = _WITH_PATH if tx.the(_HAS_TASK_PATH)[0] else _WITHOUT_PATH
    blobs: list[Row] = []
    sends: list[StoredWrite] = []
    if tx.database == POSTGRES:
        blobs = tx.all(_BLOBS, **key)
        if row[0] and _from_json(row[2]).get("v", 1) < _SENDS_SINCE:
            before = _writes_at(tx, statement, {**key, "checkpoint_id": row[0]})
            sends = [write for write in before if write.channel == _SENDS]
    found = [(channel, kind, None if blob is None else bytes(blob)) for channel, kind, blob in blobs]
    parent_id, kind, checkpoint, metadata = row
    return StoredStep(parent_id, kind, checkpoint, metadata, found, _writes_at(tx, statement, key), sends)


def decode_step(stored: StoredStep, loads: Callable[[tuple[str, bytes]], Any]) -> OfficialStep:
    """Return a checkpoint with its values.

    Args:
        stored: The checkpoint as it is stored.
        loads: Deserializes a value.

    Raises:
        UndecodableStateError: It is damaged, or `loads` says so.
    """
    checkpoint = _decoded(stored.kind, stored.checkpoint, loads)
    values = dict(_object(checkpoint.get("channel_values") or {}))
    values |= {name: loads((kind, blob or b"")) for name, kind, blob in stored.blobs if kind != "empty"}
    if stored.sends:
        versions = checkpoint["channel_versions"]
        values[_SENDS] = [loads((write.kind, write.value)) for write in stored.sends]
        versions[_SENDS] = max(versions.values()) if versions else 1
    metadata = {} if stored.metadata is None else _from_json(stored.metadata)
    writes = [(*write[:4], loads((write.kind, write.value))) for write in stored.writes]
    return OfficialStep(stored.parent_id, {**checkpoint, "channel_values": values}, metadata, writes)


def _decoded(kind: str, checkpoint: bytes | str, loads: Callable[[tuple[str, bytes]], Any]) -> dict[str, Any]:
    return _from_json(checkpoint) if isinstance(checkpoint, str) else _object(loads((kind, bytes(checkpoint))))


def _from_json(text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return _object(found)


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise UndecodableStateError(
            "a checkpoint in LangGraph's tables is damaged: a part of it is no object. It was not adopted. Restore it "
            "from a backup, or delete it there."
        )
    return found


def _writes_at(tx: Transaction, statement: Statement, key: dict[str, str]) -> list[StoredWrite]:
    found = [
        StoredWrite(task_id, task_path, at, channel, kind, bytes(value or b""))
        for task_id, task_path, at, channel, kind, value in tx.all(statement, **key)
    ]
    return sorted(found, key=lambda write: (write.task_path, write.task_id, write.at))

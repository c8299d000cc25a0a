"""The tables of checkpoints."""

from __future__ import annotations

from typing import Final

from sessions.db.schema import Column, Index, Schema, Table

_THREADS: Final = Table(
    "threads",
    "Threads by the id that users give.",
    (
        Column("id", "serial"),
        Column("thread_id", "session_id_type", unique=True),
        Column("owner", "session_id_type", "Its owner, as `labels.py` writes it.", null=True),
        Column("created_at", "integer", "In microseconds since 1970, UTC, as all times."),
        Column("ttl", "integer", "For how long it is kept after its last change, in microseconds.", null=True),
        Column("wrapped_keys", "bytes", "An encrypted thread's data keys, wrapped.", null=True),
    ),
    updated=True,
)

_LINES: Final = Table(
    "lines",
    """Namespaces of threads. Each change raises the next number, so whoever remembers one knows if it is still true.

    A line's id is the id of a chain of its own, for whole values that no version has followed yet.
    """,
    (
        Column("id", "integer", unique=True),
        Column("thread", "integer"),
        Column("ns", "session_id_type"),
        Column("next_number", "integer", "The next position in the line: of a checkpoint, or in its own chain."),
        Column("updated_at", "integer", "When a checkpoint was last put, or the line was made."),
        Column("root_id", "key_type", "The checkpoint of the graph itself at which its call began.", null=True),
    ),
    key=("thread", "ns"),
    updated=True,
)

_CHAINS: Final = Table(
    "chains",
    "Pieces that follow one another; only the version at the end of a chain can be continued there.",
    (
        Column("id", "serial"),
        Column("line", "integer", "The line; null if it is a line's own chain.", null=True),
    ),
    content=False,
)

_CHECKPOINTS: Final = Table(
    "checkpoints",
    "Checkpoints; an id is made of line and number, see `db/ids.py`, in the order in which they were put.",
    (
        Column("id", "integer"),
        Column("line", "integer"),
        Column("checkpoint_id", "key_type"),
        Column("parent_id", "key_type", null=True),
        Column("run_id", "key_type", null=True),
        Column("created_at", "integer"),
        Column("hidden", "flag", "1 if it is only kept as a channel is rebuilt from it.", default=0),
        Column("heads", "text", "The pieces of its values: [chain, first, last] each, as JSON."),
        Column("body", "bytes", "All else: see `body.py`."),
    ),
)

_PIECES: Final = Table(
    "pieces",
    "Versions of values, each as its difference from the piece before; an id is made of chain and number.",
    (
        Column("id", "integer"),
        Column("payload", "bytes"),
    ),
)

_WRITES: Final = Table(
    "writes",
    "What tasks wrote at a checkpoint: in slot 0 all ordinary writes of a task, below it each special one.",
    (
        Column("line", "integer"),
        Column("checkpoint_id", "key_type"),
        Column("task_id", "key_type"),
        Column("slot", "integer"),
        Column("task_path", "text"),
        Column("payload", "bytes"),
    ),
    key=("line", "checkpoint_id", "task_id", "slot"),
)

CHECKPOINTS: Final = Schema(
    "checkpoints",
    (_THREADS, _LINES, _CHAINS, _CHECKPOINTS, _PIECES, _WRITES),
    (
        Index("threads_of_owner", "threads", ("owner", "id"), "The threads of an owner.", "owner is not null"),
        Index("chains_of_line", "chains", ("line",), "The chains of a line."),
        Index(
            "checkpoints_by_id", "checkpoints", ("line", "checkpoint_id"), "A checkpoint by its id; the latest ones.",
            unique=True,
        ),
        Index("checkpoints_of_run", "checkpoints", ("run_id",), "The checkpoints of a run.", "run_id is not null"),
    ),
)  # fmt: skip

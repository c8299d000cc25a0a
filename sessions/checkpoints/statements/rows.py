"""Statements about checkpoints, pieces and writes. Their line is locked where they change something."""

from __future__ import annotations

from typing import Final

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.lists import parameters
from sessions.db.transaction import Statement

AT_ONCE: Final = 64
"""Checkpoints that a statement removes, at most."""

_SOME: Final = f"line = :line and checkpoint_id in ({parameters('c', AT_ONCE)})"

_CHECKPOINT: Final = "id, checkpoint_id, parent_id, run_id, hidden, created_at, heads, body"
"""The columns of `rows.CheckpointRow`."""

CHECKPOINT = Statement(
    "A checkpoint of a line by its id.",
    f"select {_CHECKPOINT} from {{checkpoints}} where line = :line and checkpoint_id = :checkpoint_id",  # noqa: S608
)

LATEST = Statement(
    "The latest checkpoint of a line.",
    f"""
    select {_CHECKPOINT} from {{checkpoints}} where line = :line and hidden = 0 order by checkpoint_id desc limit 1
    """,  # noqa: S608 - a list of columns of this module, as above
)

LAST_PUT = Statement(
    "The checkpoint of a line that was put last.",
    "select checkpoint_id from {checkpoints} where id > :low and id < :high order by id desc limit 1",
)

OUTLINE = Statement(
    "All checkpoints of a line without their contents, the latest first.",
    """
    select id, checkpoint_id, parent_id, hidden, created_at, length(heads) + length(body)
    from {checkpoints} where line = :line order by checkpoint_id desc
    """,
)

SOME_CHECKPOINTS = Statement(
    "Some checkpoints of a line behind one, in the order in which they were put.",
    f"select {_CHECKPOINT} from {{checkpoints}} where id > :after and id <= :high order by id limit :count",  # noqa: S608
)

HEADS_OF = Statement("The heads of a line's checkpoints.", "select heads from {checkpoints} where line = :line")

ROW_OF = Statement(
    "The id of a checkpoint's row.",
    "select id from {checkpoints} where line = :line and checkpoint_id = :checkpoint_id",
)

PUT_CHECKPOINT = Statement(
    "Store a checkpoint.",
    """
    insert into {checkpoints} (id, line, checkpoint_id, parent_id, run_id, created_at, hidden, heads, body)
    values (:id, :line, :checkpoint_id, :parent_id, :run_id, :now, 0, :heads, :body)
    """,
)

HIDE = Statement("Keep a checkpoint only for those behind it.", "update {checkpoints} set hidden = 1 where id = :id")
DELETE_CHECKPOINT = Statement("Remove a checkpoint's row.", "delete from {checkpoints} where id = :id")
DELETE_CHECKPOINTS = Statement(
    "Remove the rows of a line's checkpoints.", "delete from {checkpoints} where line = :line"
)

OF_RUN = Statement(
    "The checkpoints of a run, by line.",
    "select id, line, checkpoint_id from {checkpoints} where run_id = :run_id order by line, id",
)

OF_RUN_AND_OWNER = Statement(
    "The same, of threads of one owner.",
    """
    select c.id, c.line, c.checkpoint_id from {checkpoints} c
    join {lines} l on l.id = c.line join {threads} t on t.id = l.thread
    where c.run_id = :run_id and t.owner = :owner order by c.line, c.id
    """,
)

PIECES = Statement(
    "The pieces in ranges of ids, ``[[low, high], …]``, in any order: whoever reads them has their ids.",
    """
    select p.id, p.payload from json_each(:ranges) h
    cross join {pieces} p on p.id between json_extract(h.value, '$[0]') and json_extract(h.value, '$[1]')
    """,
    {
        # Without the offset, it may read all pieces first and join them then.
        POSTGRES: """
        select p.id, p.payload from jsonb_array_elements(cast(:ranges as jsonb)) h (r)
        cross join lateral (
            select id, payload from {pieces}
            where id between cast(h.r->>0 as bigint) and cast(h.r->>1 as bigint) offset 0
        ) p
        """,
        MARIADB: """
        select p.id, p.payload from json_table(
            :ranges, '$[*]' columns (low bigint path '$[0]', high bigint path '$[1]')
        ) h straight_join {pieces} p on p.id between h.low and h.high
        """,
    },
)

PUT_PIECE = Statement("Store a piece.", "insert into {pieces} (id, payload) values (:id, :payload)")
IS_PIECE = Statement("A row if there is a piece.", "select 1 from {pieces} where id = :id")
DELETE_PIECES = Statement("Remove a range of pieces.", "delete from {pieces} where id >= :low and id <= :high")
BYTES_OF_PIECES = Statement(
    "The bytes of a range of pieces.",
    "select coalesce(sum(length(payload)), 0) from {pieces} where id >= :low and id <= :high",
)
COUNT_PIECES = Statement(
    "How many pieces are in a range.", "select count(*) from {pieces} where id >= :low and id <= :high"
)
SOME_PIECES = Statement(
    "Some pieces behind one, in a range.",
    "select id, payload from {pieces} where id > :after and id <= :high order by id limit :count",
)

_WRITES: Final = "task_id, slot, task_path, payload"

WRITES_AT = Statement(
    "The writes of a checkpoint's tasks.",
    f"select {_WRITES} from {{writes}} where line = :line and checkpoint_id = :checkpoint_id",  # noqa: S608 - as above
)

WRITES_OF = Statement(
    "All writes of a line.",
    f"select checkpoint_id, {_WRITES} from {{writes}} where line = :line",  # noqa: S608 - as above
)

_PUT_WRITES: Final = """
    insert into {writes} (line, checkpoint_id, task_id, slot, task_path, payload)
    values (:line, :checkpoint_id, :task_id, :slot, :task_path, :payload)
"""
_KEY: Final = "(line, checkpoint_id, task_id, slot)"

ADD_WRITES = Statement(
    "Store the writes of a slot that has none.",
    f"{_PUT_WRITES} on conflict {_KEY} do nothing",
    {MARIADB: f"{_PUT_WRITES} on duplicate key update slot = slot"},
)

REPLACE_WRITES = Statement(
    "Store the writes of a slot, instead of those that it has.",
    f"{_PUT_WRITES} on conflict {_KEY} do update set task_path = excluded.task_path, payload = excluded.payload",
    {MARIADB: f"{_PUT_WRITES} on duplicate key update task_path = values(task_path), payload = values(payload)"},
)

_SLOT: Final = """
    select task_path, payload from {writes}
    where line = :line and checkpoint_id = :checkpoint_id and task_id = :task_id and slot = :slot
"""

SLOT = Statement("Lock the writes of a slot.", f"{_SLOT} {{for_update}}")

DELETE_WRITES = Statement("Remove the writes of a line.", "delete from {writes} where line = :line")
SIZE_OF_WRITES = Statement(
    "How many rows of writes some checkpoints have, named c0, c1 and so on, and their bytes.",
    f"select count(*), coalesce(sum(length(payload)), 0) from {{writes}} where {_SOME}",  # noqa: S608 - as above
)
SIZE_OF_LINE = Statement(
    "How many checkpoints a line has, how many rows of writes, and their bytes.",
    """
    select (select count(*) from {checkpoints} where line = :line), (select count(*) from {writes} where line = :line),
    (select coalesce(sum(length(heads) + length(body)), 0) from {checkpoints} where line = :line)
    + (select coalesce(sum(length(payload)), 0) from {writes} where line = :line)
    """,
)
DELETE_SOME_WRITES = Statement(
    "Remove the writes of some checkpoints.",
    f"delete from {{writes}} where {_SOME}",  # noqa: S608 - as above
)
DELETE_SOME = Statement(
    "Remove some checkpoints.",
    f"delete from {{checkpoints}} where {_SOME}",  # noqa: S608 - as above
)

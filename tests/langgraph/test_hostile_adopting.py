"""A database of an official saver that somebody altered: threads are adopted, or refused with a typed error."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver as OfficialSqliteSaver

from sessions.adapters.langgraph import SqliteSaver
from sessions.errors import SessionsError
from tests.langgraph.altered_threads import nothing_is_run, traps
from tests.langgraph.graphs import chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DEEP = "[" * 100_000
_BYTES: tuple[Any, ...] = (None, 7, "", b"", b"\x91" * 100_000 + b"\xc0", b"\x80", b"\x90", b"\xdf\xff\xff\xff\xff")
_METADATA: tuple[Any, ...] = (
    None, 7, "", "[]", "null", _DEEP, b"{}", b"\xff", '{"parents": 7}', '{"parents": {"": []}, "run_id": {}}',
    '{"counters_since_delta_snapshot": [[], 7]}', '{"counters_since_delta_snapshot": 7}',
)  # fmt: skip
_HEADS: tuple[dict[str, Any], ...] = (
    {}, {"channel_versions": 7}, {"channel_versions": {}, "channel_values": []},
    {"channel_versions": {"messages": []}, "channel_values": {"messages": 1}},
    {"channel_versions": {"messages": 10**18}, "channel_values": {"messages": [], "x": None}},
)  # fmt: skip


def _changes() -> Iterator[tuple[str, str, Any]]:
    for value in _METADATA:
        yield "checkpoints", "metadata", value
    payloads = [*_BYTES, *map(ormsgpack.packb, _HEADS), *(ormsgpack.packb({"v": trap}) for trap in _some_traps())]
    for value in payloads:
        yield "checkpoints", "checkpoint", value
        yield "writes", "value", value
    for value in (None, "", "pickle", "json", "x" * 1000, 7, b"\xff"):
        yield "checkpoints", "type", value
        yield "writes", "type", value
    for table, columns in (("checkpoints", ("parent_checkpoint_id",)), ("writes", ("channel", "task_id", "idx"))):
        for column in columns:
            for value in ("", "x" * 1000, b"\xff", 7, -1, 1 << 62, None):
                yield table, column, value


def _some_traps() -> Iterator[Any]:
    """Yield them as ormsgpack has them."""
    for trap in list(traps())[::7]:
        yield ormsgpack.Ext(trap.code, bytes(trap.data))


def test_an_altered_thread_is_refused_with_a_typed_error_or_adopted(tmp_path: Path) -> None:
    """At its first use, in which nothing is imported or run.

    Fails without: adapters/langgraph/adopting.py, `damage_named`; adapters/langgraph/official.py, `RecursionError`.
    """
    path = tmp_path / "official.db"
    with OfficialSqliteSaver.from_conn_string(str(path)) as official:
        official.serde = JsonPlusSerializer(allowed_msgpack_modules=[Preferences])
        for text in ("one", "two"):
            chat(official).invoke(said(text), thread("a"))
    whole = sqlite3.connect(path)
    refused = adopted = 0
    for number, (table, column, value) in enumerate(_changes()):
        changed = tmp_path / f"{number}.db"
        with closing(sqlite3.connect(changed)) as connection:
            whole.backup(connection)
            with connection:
                try:
                    connection.execute(f"update {table} set {column} = ?", (value,))  # noqa: S608 - from above
                except sqlite3.IntegrityError:
                    continue
        with SqliteSaver(changed, types=[Preferences], adopt="first touch") as saver, nothing_is_run():
            try:
                saver.get_tuple(thread("a"))
            except SessionsError as error:
                assert str(error).isprintable()  # noqa: PT017 - it may also be adopted
                refused += 1
            else:
                adopted += 1
        changed.unlink()
    whole.close()
    assert refused > 20
    assert adopted > 5

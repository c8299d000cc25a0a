"""Verification reads every column of the tables of threads, and finds each planted damage on every database."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import open_store
from sessions.checkpoints.schema import CHECKPOINTS
from sessions.checkpoints.values import Place
from sessions.checkpoints.verify import checks_of
from sessions.db.sqlite.transaction import SQLiteTransaction, texts_of
from sessions.db.transaction import Statement
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.shared import PLACE, check_verified, new, write

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_SECRET: Final = "a secret that no finding has " * 9
_DAMAGES: Final[dict[str, tuple[str, str]]] = {
    "a line without its thread": ("delete from {threads} where thread_id = 't'", "orphan"),
    "a chain without its line": ("insert into {chains} (line) values (5)", "orphan"),
    "a checkpoint without its line": ("delete from {lines} where ns = ''", "orphan"),
    "a piece without its chain": ("delete from {chains} where line is not null", "orphan"),
    "a line without its own chain": ("delete from {chains} where line is null", "wrong-reference"),
    "a checkpoint of another line": (
        "update {checkpoints} set line = (select max(id) from {lines}) where checkpoint_id = '2'",
        "wrong-reference",
    ),
    "a number that was never given": ("update {lines} set next_number = 1", "impossible-value"),
    "no time to live": ("update {threads} set ttl = 0", "impossible-value"),
    "an impossible time": ("update {lines} set updated_at = -99999999999999999", "impossible-value"),
    "an empty id": ("update {checkpoints} set checkpoint_id = '' where checkpoint_id = '1'", "impossible-value"),
    "half hidden": ("update {checkpoints} set hidden = 2", "impossible-value"),
    "a slot above 0": ("update {writes} set slot = 3", "impossible-value"),
    "heads that are none": ("update {checkpoints} set heads = '[1]'", "thread-damaged"),
    "another checkpoint's contents": ("update {checkpoints} set heads = '[]'", "thread-damaged"),
    "a missing piece": ("delete from {pieces}", "thread-damaged"),
    "a body that is a piece": (
        "update {checkpoints} set body = (select payload from {pieces} order by id limit 1)",
        "thread-damaged",
    ),
    "a piece that is a body": (
        "update {pieces} set payload = (select body from {checkpoints} order by id limit 1)",
        "thread-damaged",
    ),
    "writes that are a body": (
        "update {writes} set payload = (select body from {checkpoints} order by id limit 1)",
        "thread-damaged",
    ),
    "a piece that nobody needs": ("delete from {checkpoints} where checkpoint_id = '2'", "pieces-loose"),
}  # fmt: skip


async def _fill(store: ThreadStore) -> None:
    await store.put(PLACE, new("1", None, {"a": [_SECRET]}))
    await store.put(PLACE, new("2", "1", {"a": [_SECRET, _SECRET]}, versions={"a": 2}))
    await store.put(Place("t", "n", None), new("1", None, {"b": _SECRET}))
    await store.put_writes(PLACE, "2", "task", "path", [write(0, "a", [_SECRET])])


@pytest.mark.parametrize("damage", _DAMAGES)
async def test_a_planted_damage_is_found(anywhere: str, damage: str) -> None:
    text, code = _DAMAGES[damage]
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, **options) as store:
        threads = ThreadStore(store._backend)
        await _fill(threads)
        await check_verified(threads)
        plant = Statement("A damage.", text)

        def work(tx: Transaction) -> None:
            tx.run(plant)

        await threads._backend.write(work, "this test")
        await threads.aclose()
        found = [finding async for finding in store.verify()]
    assert code in {finding.code for finding in found}
    assert _SECRET[:20] not in repr(found)


async def test_the_summary_counts_threads_and_checkpoints(anywhere: str) -> None:
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, **options) as store:
        threads = ThreadStore(store._backend)
        await _fill(threads)
        await threads.aclose()
        verification = store.verify()
        assert [finding async for finding in verification] == []
        summary = verification.summary
    assert (summary.threads, summary.checkpoints, summary.locked, summary.is_whole) == (1, 3, 0, True)


def test_every_column_is_read() -> None:
    connection = sqlite3.connect(":memory:")
    tx = SQLiteTransaction(connection, None, texts_of("agent_", (CHECKPOINTS,)))
    for _, statements in CHECKPOINTS.missing(0):
        for statement in statements:
            tx.run(statement)
    read: set[tuple[str, str]] = set()

    def note(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table and column:
            read.add((table.removeprefix("agent_checkpoints_"), column))
        return sqlite3.SQLITE_OK

    connection.execute("insert into agent_checkpoints_threads (thread_id, created_at) values ('t', 1)")
    connection.execute("insert into agent_checkpoints_chains (id) values (1)")
    connection.execute("insert into agent_checkpoints_lines values (1, 1, '', 9, 1, null)")
    connection.execute("insert into agent_checkpoints_writes values (1, '1', 't', 0, '', x'00')")
    connection.execute("insert into agent_checkpoints_pieces values (268435457, x'00')")
    connection.set_authorizer(note)
    for check in checks_of(None):
        check.page(tx, "")
    columns = {(table.name, column.name) for table in CHECKPOINTS.tables for column in table.columns}
    assert columns - read == set()
    connection.close()

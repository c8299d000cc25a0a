"""Verification reads every column of the tables of memories, and finds each planted damage on every database."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from sessions import Put, generate_key, open_store
from sessions.crypto.subject_keys import FORMAT
from sessions.db.sqlite.transaction import SQLiteTransaction, texts_of
from sessions.db.transaction import Statement
from sessions.memory.schema import MEMORY
from sessions.memory.verify import checks_of

if TYPE_CHECKING:
    from sessions import Store
    from sessions.db.transaction import Transaction

_DAMAGES: dict[str, tuple[str, str]] = {
    "a memory without its namespace": ("delete from {spaces} where version = 1", "orphan"),
    "a memory of another namespace": ("update {memories} set space = space + 1", "wrong-reference"),
    "a number that was never given": ("update {spaces} set last = 0", "impossible-value"),
    "a version that never was": ("update {memories} set version = 99", "impossible-value"),
    "an empty key": ("update {memories} set name = '' where version = 2", "impossible-value"),
    "an impossible time": ("update {memories} set updated_at = -99999999999999999", "impossible-value"),
    "a life without an end": ("update {memories} set ttl = 1", "impossible-value"),
    "a removal in the future": ("update {spaces} set removed = version + 1", "impossible-value"),
    "an unknown removal": ("update {removals} set what = 'eaten'", "impossible-value"),
    "a removal of another namespace": ("update {removals} set memory = 1", "wrong-reference"),
    "marks of another length": (
        "update {spaces} set marks = (select m.payload from {memories} m order by m.id limit 1)",
        "impossible-value",
    ),
    "words of a missing memory": (
        "insert into {search_rows} (memory, words) select m.id + 1000, m.payload from {memories} m where m.version = 2",
        "orphan",
    ),
    "vectors of a missing model": (
        "update {search_rows} set model = 7, places = words, digest = words, vectors = words",
        "wrong-reference",
    ),
    "what search knows, encrypted without keys": ("update {search_rows} set sealed = words", "impossible-value"),
    "a value of a missing memory": (
        """
        insert into {field_values} (space, field, value, memory)
        select m.space, 1, m.payload, m.id + 1000 from {memories} m where m.version = 2
        """,
        "orphan",
    ),
    "a missing model": ("insert into {memory_settings} (id, embedder) values (1, 5)", "wrong-reference"),
    "other settings": ("insert into {memory_settings} (id) values (2)", "impossible-value"),
    "a model without numbers": ("insert into {embedders} (name, dims, made_at) values ('m', 0, 1)", "impossible-value"),
}


async def _fill(store: Store) -> None:
    await store.memories.put_many([Put(("a",), f"k{number}", {"secret": "contents"}) for number in range(2)])
    await store.memories.put(("b",), "k", {})
    await store.memories.put(("a",), "gone", {})
    await store.memories.delete(("a",), "gone")


@pytest.mark.parametrize("name", _DAMAGES)
async def test_each_damage_is_found(anywhere: str, name: str) -> None:
    sql, code = _DAMAGES[name]
    async with open_store(anywhere, create_tables=True) as store:
        await _fill(store)
        assert [str(finding) async for finding in store.verify()] == []

        def damage(tx: Transaction) -> None:
            tx.run(Statement("Damage.", sql))

        await store.memories._hold.common.backend.write(damage, "test")
        found = [finding async for finding in store.verify()]
        assert code in {finding.code for finding in found}, [str(finding) for finding in found]
        for finding in found:
            assert "contents" not in str(finding)
            assert finding.table in {table.name for table in MEMORY.tables}


_VALUES: dict[str, tuple[str, str]] = {
    "a value that is cut off": ("update {memories} set payload = :bytes where version = 1", "memory-damaged"),
    "half a word": ("update {search_rows} set words = :bytes", "memory-damaged"),
}


@pytest.mark.parametrize("name", _VALUES)
async def test_a_value_that_cannot_be_read_is_found(anywhere: str, name: str) -> None:
    """Fails without: memory/verify_values.py."""
    sql, code = _VALUES[name]
    async with open_store(anywhere, create_tables=True) as store:
        await _fill(store)
        await _run(store, sql, bytes=b'{"te')
        verification = store.verify()
        found = [finding async for finding in verification]
        assert {finding.code for finding in found} == {code}, [str(one) for one in found]
        assert (verification.summary.memories, verification.summary.locked) == (3, 0)


_SEALED: dict[str, str] = {
    "another value": "update {memories} set payload = :bytes where version = 1",
    "another time": "update {memories} set created_at = created_at + 1 where version = 1",
    "other words": "update {search_rows} set sealed = :bytes",
}


@pytest.mark.parametrize("name", _SEALED)
async def test_an_encrypted_value_that_was_altered_is_found(anywhere: str, name: str) -> None:
    """Fails without: memory/verify_values.py, `open_value`, `open_search`."""
    key = generate_key()
    async with open_store(anywhere, create_tables=True, encryption_key=key) as store:
        await _fill(store)
        verification = store.verify()
        assert [str(finding) async for finding in verification] == []
        assert (verification.summary.memories, verification.summary.locked) == (3, 0)
        await _run(store, _SEALED[name], bytes=FORMAT + b"\xff" * 40)
        assert {finding.code async for finding in store.verify()} == {"payload-altered"}


async def test_values_are_opened_with_their_key_only(anywhere: str) -> None:
    """Fails without: memory/verify_values.py, `Locked`."""
    async with open_store(anywhere, create_tables=True, encryption_key=generate_key()) as store:
        await _fill(store)
        await _run(store, "update {memories} set payload = :bytes where version = 1", bytes=b"{}")
        assert {finding.code async for finding in store.verify()} == {"payload-plain"}
    async with open_store(anywhere, create_tables=True) as store:
        verification = store.verify()
        assert [str(finding) async for finding in verification] == []
        assert (verification.summary.memories, verification.summary.locked) == (3, 3)
    async with open_store(anywhere, create_tables=True, encryption_key=generate_key()) as store:
        found = [finding async for finding in store.verify()]
        assert [(one.code, one.table) for one in found] == [("keys-locked", "spaces")] * 2
        assert all("\\x01" not in str(one) for one in found)


async def _run(store: Store, sql: str, **values: object) -> None:
    def run(tx: Transaction) -> None:
        tx.run(Statement("Damage.", sql), **values)

    await store.memories._hold.common.backend.write(run, "test")


async def test_every_column_is_read(tmp_path: object) -> None:
    """If this fails for your column: give it a condition in memory/verify.py, and a planted damage above."""
    path = f"{tmp_path}/memories.db"
    async with open_store(f"sqlite:///{path}") as store:
        await _fill(store)
    connection = sqlite3.connect(path)
    connection.execute("insert into agent_memory_field_values values (1, 1, x'00', 1)")
    read: set[tuple[str, str]] = set()

    def note(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table and column:
            read.add((table, column))
        return sqlite3.SQLITE_OK

    connection.set_authorizer(note)
    tx = SQLiteTransaction(connection, texts=texts_of("agent_", (MEMORY,)))
    for check in checks_of(None):
        check.page(tx, "")
    names = {(f"agent_memory_{table.name}", column.name) for table in MEMORY.tables for column in table.columns}
    assert names - read == set()
    connection.close()

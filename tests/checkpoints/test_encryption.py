"""Encrypted threads: no content is in a file in the clear, and no row can be moved, altered or given another parent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessions import generate_key, open_store
from sessions.checkpoints.values import Place, Query
from sessions.db.transaction import Statement
from sessions.errors import DecryptionError, MissingKeyError
from sessions.store.threads import ThreadStore, covers_of
from sessions.testing.checkpoints.shared import PLACE, check_verified, contents, new, write

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store
    from sessions.db.transaction import Row, Transaction

_CONTENT = "a secret of a user "
_OTHER = Place("other")
_ALTERED = {
    "a piece at another place": """
        update {pieces} set payload = (select payload from {pieces} order by id limit 1)
        where id = (select max(id) from {pieces})
    """,
    "a body of another checkpoint": """
        update {checkpoints} set body = (select body from {checkpoints} where checkpoint_id = '1' limit 1)
        where checkpoint_id = '2'
    """,
    "another parent": "update {checkpoints} set parent_id = '7' where checkpoint_id = '2'",
    "another run": "update {checkpoints} set run_id = '7' where checkpoint_id = '2'",
    "another id": "update {checkpoints} set checkpoint_id = '3' where checkpoint_id = '2'",
    "other heads": """
        update {checkpoints} set heads = (select heads from {checkpoints} where checkpoint_id = '1' limit 1)
        where checkpoint_id = '2'
    """,
    "another task's writes": "update {writes} set task_id = 'another'",
    "another path": "update {writes} set task_path = 'another'",
    "another slot": "update {writes} set slot = -2",
    "a byte of a payload": "update {writes} set payload = cast(payload || x'00' as blob)",
    "a payload in the clear": "update {pieces} set payload = x'0093'",
    "another thread's keys": """
        update {threads} set wrapped_keys = (select o.wrapped_keys from {threads} o where o.thread_id = 'other')
    """,
    "no keys": "update {threads} set wrapped_keys = null",
}


def _open(store: Store) -> ThreadStore:
    return ThreadStore(store._backend, covers=covers_of(store._backend, store._encryption))


def _all(statement: Statement, tx: Transaction) -> list[Row]:
    return tx.all(statement)


async def _fill(threads: ThreadStore) -> None:
    await threads.put(_OTHER, new("1", None, {"a": [_CONTENT * 9]}))
    await threads.put(PLACE, new("1", None, {"a": [_CONTENT * 9], "s": _CONTENT}, metadata=_CONTENT.encode()))
    await threads.put(PLACE, new("2", "1", {"a": [_CONTENT * 9] * 2, "s": _CONTENT}, versions={"a": 2, "s": 1}))
    await threads.put_writes(PLACE, "2", "task", "path", [write(0, "a", [_CONTENT])])


@pytest.mark.parametrize("altered", _ALTERED)
async def test_verification_with_the_key_finds_what_was_altered(tmp_path: Path, altered: str) -> None:
    key = generate_key()
    url = f"sqlite:///{tmp_path}/s.db"
    async with open_store(url, encryption_key=key) as store:
        threads = _open(store)
        await _fill(threads)
        await threads.aclose()
        whole = store.verify()
        assert [finding async for finding in whole] == []
        assert (whole.summary.checkpoints, whole.summary.locked) == (3, 0)
    async with open_store(url) as store:
        threads = ThreadStore(store._backend)
        await threads._backend.write(lambda tx: tx.run(Statement("Alter it.", _ALTERED[altered])), "this test")
        await threads.aclose()
    async with open_store(url, encryption_key=key) as store:
        found = [finding async for finding in store.verify()]
        assert {finding.code for finding in found} & {"thread-damaged", "keys-locked"}
        assert _CONTENT not in repr(found)


async def test_without_the_key_encrypted_checkpoints_are_counted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    async with open_store(url, encryption_key=generate_key()) as store:
        threads = _open(store)
        await _fill(threads)
        await threads.aclose()
    async with open_store(url) as store:
        without = store.verify()
        assert [finding async for finding in without] == []
        assert without.summary.locked == without.summary.checkpoints == 3
    async with open_store(url, encryption_key=generate_key()) as store:
        another = store.verify()
        found = [finding async for finding in another]
        assert [(finding.code, finding.table) for finding in found] == [("keys-locked", "threads")] * 2
        assert another.summary.locked == 3


@pytest.mark.parametrize("altered", _ALTERED)
async def test_what_was_altered_is_not_read(tmp_path: Path, altered: str) -> None:
    async with open_store(f"sqlite:///{tmp_path}/s.db", encryption_key=generate_key()) as store:
        threads = _open(store)
        await _fill(threads)
        change = Statement("An alteration.", _ALTERED[altered])

        def work(tx: Transaction) -> None:
            tx.run(change)

        await threads._backend.write(work, "this test")
        await threads.aclose()
        # Another object, as this one remembers the values that it has put.
        threads = _open(store)
        with pytest.raises(DecryptionError, match="'t'") as raised:
            await threads.read(PLACE)
        assert _CONTENT not in str(raised.value)
        await threads.aclose()


async def test_no_content_is_in_the_clear(anywhere: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, encryption_key=generate_key(), **options) as store:
        threads = _open(store)
        await _fill(threads)
        await threads.copy("t", "copy")
        names = ("pieces", "checkpoints", "writes", "threads", "lines")
        for name in names:
            rows = Statement("All rows.", f"select * from {{{name}}}")  # noqa: S608 - a table of ours
            assert _CONTENT not in repr(await threads._backend.read(partial(_all, rows), "this test"))
        found = await threads.read(Place("copy"))
        assert found is not None
        assert contents(found)["a"] == [_CONTENT * 9] * 2
        await check_verified(threads)
        await threads.aclose()
    for file in tmp_path.iterdir():
        assert _CONTENT.encode() not in file.read_bytes()


async def test_a_key_is_wanted_and_the_right_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    async with open_store(url, encryption_key=generate_key()) as store:
        threads = _open(store)
        await _fill(threads)
        await threads.aclose()
    async with open_store(url) as store:
        threads = ThreadStore(store._backend)
        with pytest.raises(MissingKeyError, match="encryption_key"):
            await threads.read(PLACE)
        with pytest.raises(MissingKeyError):
            await threads.put(PLACE, new("9", None, {"a": 1}))
        await threads.put(Place("plain"), new("1", None, {"a": 1}))
        await threads.aclose()
    async with open_store(url, encryption_key=generate_key()) as store:
        threads = _open(store)
        with pytest.raises(DecryptionError):
            await threads.read(PLACE)
        with pytest.raises(DecryptionError, match="not encrypted"):
            await threads.read(Place("plain"))
        await threads.aclose()
    async with open_store(url, encryption_key=generate_key(), allow_plain_text=True) as store:
        threads = _open(store)
        assert await threads.read(Place("plain")) is not None
        await threads.copy("plain", "encrypted")
        assert [one.thread_id async for one in threads.list(Query(thread_id="encrypted"))] == ["encrypted"]
        await threads.aclose()
    async with open_store(url) as store:
        threads = ThreadStore(store._backend)
        with pytest.raises(MissingKeyError):
            await threads.read(Place("encrypted"))
        await threads.aclose()

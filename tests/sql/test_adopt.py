"""`store.adopt()`: a database that the OpenAI Agents SDK wrote is taken over as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agents import SQLiteSession as SDKSQLiteSession
from agents.extensions.memory import AdvancedSQLiteSession as SDKAdvancedSession
from agents.extensions.memory import EncryptedSession as SDKEncryptedSession
from agents.extensions.memory import SQLAlchemySession as SDKSession

from sessions import Adoption, StoreError, generate_key, open_store

from .network import message
from .test_table_pairs import HELP, SHOP, Database, _database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

USUAL: dict[str, Any] = {"sessions_table": "agent_sessions", "messages_table": "agent_messages"}


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with _database(request, request.param, tmp_path) as made:
        await made.written_by_the_sdk("of u", **USUAL)
        yield made


async def _write(database: Database, number: int) -> None:
    for n in range(number):
        session = SDKSession(f"user {n:02}", engine=database.engine)
        await session.add_items([{"role": "user", "content": f"{n}"}, {"role": "assistant", "content": "2"}])


# Fails without: log/adopt/everything.py, `return copy_over(`; adopting.py, `progress(done)`.
async def test_the_list_is_full_on_the_first_day(database: Database) -> None:
    await _write(database, 10)
    store = open_store(database.engine, create_tables=True)
    assert await store.sessions() == []
    told: list[Adoption] = []
    report = await store.adopt(progress=told.append)
    assert report == told[-1] == Adoption(sessions=11, items=21, branches=11)
    assert [one.sessions for one in told] == sorted(one.sessions for one in told)
    listed = await store.sessions()
    assert {info.session_id for info in listed} == {"u", *(f"user {n:02}" for n in range(10))}
    assert sum(info.item_count for info in listed) == 21
    assert await store.session("user 07").get_items() == [message("7"), {"role": "assistant", "content": "2"}]
    assert await SDKSession("user 07", engine=database.engine).get_items() == await store.session("user 07").get_items()
    assert await store.adopt() == Adoption(already=11)


async def test_what_is_here_already_is_left_as_it_is(database: Database) -> None:
    await _write(database, 2)
    store = open_store(database.engine, create_tables=True)
    await store.session("user 01").add_items([message("ours")])
    assert await store.adopt() == Adoption(sessions=2, items=3, branches=2, already=1)
    assert [item["content"] for item in await store.session("user 01").get_items()] == ["1", "2", "ours"]


async def test_after_an_interruption_it_goes_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Fails without: log/adopt/everything.py, `return None` (what is here would be an error, or there twice).
    """
    monkeypatch.setattr("sessions.log.adopt.everything.PAGE", 3)
    await _write(database, 10)
    store = open_store(database.engine, create_tables=True)

    def stop(done: Adoption) -> None:
        if done.sessions >= 5:
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        await store.adopt(progress=stop)
    before = len(await store.sessions())
    assert 5 <= before < 11
    report = await store.adopt()
    assert (report.sessions, report.already, report.skipped) == (11 - before, before, ())
    assert len(await store.sessions()) == 11


async def test_beside_writers_each_session_is_there_once(database: Database) -> None:
    await _write(database, 8)
    stores = [open_store(database.engine, create_tables=True) for _ in range(3)]
    await stores[0].session("other").get_items()

    async def write(number: int) -> None:
        await stores[2].session(f"user {number:02}").add_items([message("beside")])

    writing = asyncio.gather(*map(write, range(8)))
    first, second = await asyncio.gather(stores[0].adopt(), stores[1].adopt())
    await writing
    assert first.sessions + second.sessions <= 9
    assert first.sessions + first.already == second.sessions + second.already == 9
    assert len(await stores[0].sessions()) == 9
    for number in range(8):
        items = await stores[0].session(f"user {number:02}").get_items()
        assert [item["content"] for item in items] == [f"{number}", "2", "beside"]


@pytest.mark.parametrize("key", ["right", "wrong", "none"])
async def test_what_the_sdk_encrypted_needs_its_key(database: Database, key: str) -> None:
    """
    Fails without: log/adopt/everything.py, `if any(_is_envelope(`; adopting.py, `except DecryptionError`.
    """
    inner = SDKSession("encrypted", engine=database.engine)
    theirs = SDKEncryptedSession("encrypted", inner, encryption_key=(secret := generate_key()), ttl=3600)
    await theirs.add_items([{"role": "user", "content": "secret"}])
    given: dict[str, Any] = {"allow_plain_text": True, "encryption_key": secret if key == "right" else generate_key()}
    store = open_store(database.engine, create_tables=True, **({} if key == "none" else given))
    report = await store.adopt()
    if key == "right":
        assert report == Adoption(sessions=2, items=2, branches=2)
        assert await store.session("encrypted").get_items() == [message("secret")]
        return
    assert (report.sessions, [one.session_id for one in report.skipped]) == (1, ["encrypted"])
    assert ("encryption_key" if key == "none" else "key") in report.skipped[0].reason
    assert "secret" not in report.skipped[0].reason
    assert [info.session_id for info in await store.sessions()] == ["u"]
    again = open_store(database.engine, encryption_key=secret, allow_plain_text=True)
    assert (await again.adopt()).sessions == 1
    assert await again.session("encrypted").get_items() == [message("secret")]


async def test_what_cannot_be_taken_over_is_named(database: Database) -> None:
    """
    Fails without: log/adopt/everything.py, `unusable.append(` and `list_without_messages`.
    """
    await database.execute("insert into agent_sessions (session_id) values ('empty'), ('')")
    await database.execute("insert into agent_messages (session_id, message_data) values ('', '{}'), ('u', 'no JSON')")
    report = await open_store(database.engine, create_tables=True).adopt()
    assert (report.sessions, report.items, report.unreadable) == (1, 2, 1)
    assert {one.session_id: one.reason for one in report.skipped}.keys() == {"", "empty"}
    assert "no messages" in next(one.reason for one in report.skipped if one.session_id == "empty")


async def test_ids_that_a_database_thinks_equal_are_two(database: Database) -> None:
    mariadb = database.engine.dialect.name == "mysql"
    if mariadb:
        await database.execute("alter table agent_messages drop foreign key agent_messages_ibfk_1")
        await database.execute("alter table agent_messages modify session_id varbinary(255)")
    for name in ("Ann", "ann", "ann "):
        if mariadb:
            await database.execute(f"insert into agent_messages (session_id, message_data) values ('{name}', '{{}}')")  # noqa: S608
        else:
            await SDKSession(name, engine=database.engine).add_items([{"role": "user", "content": name}])
    store = open_store(database.engine, create_tables=True)
    assert (await store.adopt()).sessions == 4
    assert {info.session_id for info in await store.sessions()} == {"u", "Ann", "ann", "ann "}


async def test_each_pair_of_tables_is_adopted_by_its_own_store(database: Database) -> None:
    await database.written_by_the_sdk("of the shop", **SHOP)
    await database.written_by_the_sdk("of the help", **HELP)
    for prefix, pair in (("agent_", SHOP), ("help_", HELP)):
        store = open_store(database.engine, create_tables=True, table_prefix=prefix, **pair)
        assert await store.adopt() == Adoption(sessions=1, items=1, branches=1)
        assert len(await store.sessions()) == 1
    with pytest.raises(ValueError, match="shop_sessions"):
        await open_store(database.engine, **HELP).adopt()


async def test_without_the_sdks_tables(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/a.db") as store:
        assert await store.adopt() == Adoption()
    async with open_store(f"sqlite:///{tmp_path}/b.db", **SHOP) as store:
        with pytest.raises(StoreError, match="table shop_messages is missing"):
            await store.adopt()


async def test_branches_and_usage_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    theirs = SDKAdvancedSession(session_id="advanced", db_path=path, create_tables=True)
    await theirs.add_items([{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}])
    await theirs.add_items([{"role": "user", "content": "3"}])
    await theirs.create_branch_from_turn(2, "draft")
    await theirs.add_items([{"role": "user", "content": "other 3"}])
    connection = theirs._get_connection()
    columns = "session_id, branch_id, user_turn_number, requests, input_tokens, output_tokens, total_tokens"
    connection.execute(f"insert into turn_usage ({columns}) values ('advanced', 'main', 1, 1, 10, 2, 12)")  # noqa: S608
    connection.commit()
    theirs.close()
    plain = SDKSQLiteSession("plain", path)
    await plain.add_items([{"role": "user", "content": "1"}])
    plain.close()
    async with open_store(f"sqlite:///{path}") as store:
        assert await store.adopt() == Adoption(sessions=2, items=5, branches=3, usage=1)
        assert (await store.session("advanced").usage.total()).input_tokens == 10
        assert {branch.name for branch in await store.session("advanced").branches.list()} == {"main", "draft"}

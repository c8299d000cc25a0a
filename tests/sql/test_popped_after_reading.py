"""Nothing is popped that the session's own codec has not read, whatever the database's encoding is."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import (
    EncryptedSession,
    PlusCodec,
    SQLAlchemySession,
    TurnNotFoundError,
    UndecodableItemError,
    generate_key,
    open_store,
)
from sessions.codecs.json import JSONCodec
from sessions.db.transaction import Statement

from .engines import made_engine
from .network import message

if TYPE_CHECKING:
    from pathlib import Path

    from .servers import MariaDB, Postgres

_SPOIL = Statement(
    "Let the last entry hold something else.",
    "update {entries} set payload = :payload where id = (select last from (select max(id) as last from {entries}) l)",
)
_COUNT = Statement("How many there are.", "select count(*) from {entries}")

ODD = {
    "half a character": b'{"a":"\\ud800"}',
    "a zero byte": b'{"a":"\0"}',
    "a mark of the byte order": b'\xef\xbb\xbf{"a":1}',
    "not a number": b'{"a":NaN}',
    "4300 digits": b'{"a":' + b"9" * 4300 + b"}",
    "257 levels": b'{"a":' * 257 + b"1" + b"}" * 257,
    "a list": b"[1]",
    "nothing": b"",
}


@pytest.fixture
def store_url(url: str) -> str:
    return url.replace("sqlite+aiosqlite", "sqlite")


@pytest.mark.parametrize("what", ODD)
async def test_what_is_popped_is_what_can_be_read(store_url: str, what: str) -> None:
    try:
        expected: Any = JSONCodec().decode(ODD[what])
    except ValueError:
        expected = None
    async with open_store(store_url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([message("1"), message("2")])
        await store._backend.write(lambda tx: tx.run(_SPOIL, payload=ODD[what]), "this test")
        read = await session.get_items()
        if expected is None:
            with pytest.raises(UndecodableItemError):
                await store.session("s", strict=True).pop_item()
            assert await session.get_items() == [message("1")]
        else:
            # NaN equals nothing.
            assert repr(await session.pop_item()) == repr(read[-1]) == repr(expected)
        left = await store._backend.read(lambda tx: tx.one(_COUNT), "this test")
        assert left == (1 if expected else 2,)


class WithoutThree(JSONCodec):
    """A codec that cannot read one item."""

    joint: Any = None

    def decode_all(self, payloads: Any) -> list[Any]:
        return [self.decode(payload) for payload in payloads]

    def decode(self, payload: bytes) -> dict[str, Any]:
        if b'"3"' in payload:
            raise ValueError("not known here")
        return super().decode(payload)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_what_was_popped_comes_back_on_no_way(store_url: str, *, encrypted: bool) -> None:
    """Another branch sees it, and what cannot be read lies behind it.

    Fails without: log/pop.py, `back = [*staying` (as a tip that the branch left, which led through both).
    """
    async with open_store(store_url, create_tables=True) as store:
        plain = store.session("s")
        session = EncryptedSession("s", plain, KEY, None) if encrypted else plain
        await session.add_items([message("1"), message("2"), message("3")])
        await session.branches.create("other")
        if encrypted:
            session = EncryptedSession("s", store.session("s", codec=WithoutThree()), KEY, None)
        else:
            await store._backend.write(lambda tx: tx.run(_SPOIL, payload=b"{"), "this test")
        assert await session.pop_item() == message("2")
        await session.branches.delete("other")
        await session.add_items([message("4")])
        for turn in range(1, 4):
            with suppress(TurnNotFoundError):
                for sibling in await session.siblings(turn):
                    await session.choose(sibling)
                    assert message("2") not in await session.get_items()
        assert message("2") not in [entry.item for entry in await session.entries()]
        # Nor is it there any more; what could not be read is.
        assert await store._backend.read(lambda tx: tx.one(_COUNT), "this test") == (3,)
        if encrypted:
            whole = EncryptedSession("s", store.session("s"), KEY, None)
            assert await whole.get_items() == [message("1"), message("3"), message("4")]


class Versioned(JSONCodec):
    """A codec made of the usual one, which refuses what it does not know."""

    joint: Any = None

    def decode_all(self, payloads: Any) -> list[Any]:
        return [self.decode(payload) for payload in payloads]

    def decode(self, payload: bytes) -> dict[str, Any]:
        item = super().decode(payload)
        if item.get("schema") != 2:
            raise ValueError("written by another version of the application")
        return item


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_codec_of_the_user_is_asked(store_url: str, *, encrypted: bool) -> None:
    key = generate_key()
    async with open_store(store_url, create_tables=True) as store:

        def session(**how: Any) -> Any:
            made = store.session("s", **how)
            return EncryptedSession("s", made, key, None) if encrypted else made

        known, unknown = {**message("1"), "schema": 2}, {**message("2"), "schema": 1}
        await session().add_items([known, unknown])
        mine = session(codec=Versioned())
        assert await mine.get_items() == [known]
        with pytest.raises(UndecodableItemError):
            await session(codec=Versioned(), strict=True).pop_item()
        assert await mine.pop_item() == known
        assert await mine.pop_item() is None
        assert await session().get_items() == [unknown]


KEY = generate_key()
ITEMS = [message("€ 5"), message("日本"), {**message("😀"), "name": "naïve"}]


async def _goes_round(url: str, **how: Any) -> None:
    """Every removal takes what was read, in a database that cannot hold it as text."""
    async with open_store(url, create_tables=True, **how) as store:
        session = store.session("s")
        await session.add_items([*ITEMS, message("plain")])
        assert await session.get_items() == [*ITEMS, message("plain")]
        assert await session.pop_item() == message("plain")
        assert [await session.pop_item() for _ in ITEMS] == ITEMS[::-1]
        assert await session.pop_item() is None
        await session.add_items(ITEMS)
        await session.branches.create("other")
        assert await session.pop_item() == ITEMS[-1]
        assert await session.on_branch("other").pop_item() == ITEMS[-1]
        assert await session.undo() == ITEMS[1:2]
        assert await session.redo() == ITEMS[1:2]
        tagged = store.session("tagged", codec=PlusCodec())
        await tagged.add_items(ITEMS)
        assert await tagged.pop_item() == ITEMS[-1]
        encrypted = EncryptedSession("encrypted", store.session("encrypted"), KEY, None)
        await encrypted.add_items(ITEMS)
        assert await encrypted.pop_item() == ITEMS[-1]
        await session.clear_session()
        assert await session.get_items() == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP", "UTF8"])
async def test_postgres_databases_of_other_encodings(postgres: Postgres, encoding: str) -> None:
    url = sa.make_url(postgres.new_database())
    name = f"in_{encoding.lower()}"
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text(f"drop database if exists {name}"))
        how = f"encoding '{encoding}' template template0 lc_collate 'C' lc_ctype 'C'"
        await connection.execute(sa.text(f"create database {name} {how}"))
    await engine.dispose()
    await _goes_round(url.set(database=name).render_as_string(hide_password=False))


@pytest.mark.parametrize(("encoding", "held"), [("LATIN1", "\u00e9"), ("EUC_JP", "\u7e17"), ("UTF8", "\u20ac")])
async def test_psycopg_has_the_databases_encoding(postgres: Postgres, encoding: str, held: str) -> None:
    """
    Fails without: db/sqlalchemy/boundaries.py, `client_encoding`.
    """
    url = sa.make_url(postgres.new_database()).set(drivername="postgresql+psycopg")
    async with made_engine(url.render_as_string(hide_password=False)) as engine, engine.begin() as connection:
        await connection.execute(sa.text(f"alter database {url.database} set client_encoding = '{encoding}'"))
    async with made_engine(url.render_as_string(hide_password=False)) as engine:
        for name in (held, "\U0001f600"):
            session = SQLAlchemySession(name, engine=engine, create_tables=True)
            await session.as_author(name).add_items([message(name)])
            await session.branches.create(name)
            assert [entry.author for entry in await session.on_branch(name).entries()] == [name]
            assert await session.pop_item() == message(name)
        async with engine.connect() as connection:
            # It is as it was.
            assert (await connection.execute(sa.text("show client_encoding"))).scalar_one() == encoding


@pytest.mark.parametrize("charset", ["latin1", "utf8mb3", "utf8mb4", "ascii"])
async def test_mariadb_databases_of_other_encodings(mariadb: MariaDB, charset: str) -> None:
    url = sa.make_url(mariadb.new_database())
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"alter database `{url.database}` character set {charset}"))
    await engine.dispose()
    await _goes_round(url.render_as_string(hide_password=False))


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
async def test_sqlite_files_of_other_encodings(tmp_path: Path, encoding: str) -> None:
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        connection.execute(f"pragma encoding = '{encoding}'")
        connection.execute("create table other (x)")
        connection.commit()
    await _goes_round(f"sqlite:///{tmp_path}/s.db")
    await _goes_round(f"sqlite+aiosqlite:///{tmp_path}/s.db")

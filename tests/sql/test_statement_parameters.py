"""Every statement with large numbers: none is taken for a smaller type than that of the column it goes with.

Postgres infers a parameter's type from the first thing that it stands beside; `psycopg` sends each number with the
smallest type that holds it, so there the result of an expression may be too small.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

import sessions.db
import sessions.log
from sessions import SQLAlchemySession
from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.postgres.transaction import NumberedTexts
from sessions.db.sqlalchemy.planner import FEW
from sessions.db.transaction import Statement
from sessions.db.words import words
from sessions.log.schema import LOG
from sessions.log.statements.usage import sums_of_all, sums_of_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .servers import Postgres

_FLAGS = {
    "may_extend", "one_by_one", "pending", "alone", "is_open", "everything", "untold", "archived", "tagged",
    "any_owner", "length", "holes", "annotated", "keyed", "sealed",
}  # fmt: skip
"""Parameters that are 0 or 1, and the length of a digest."""

_TEXTS = {
    "session_id", "name", "new", "kind", "tool_name", "author", "what", "model", "agent", "holder",
    "claim", "idempotency_key", "usage_key", "table",
    "owner", "tag", "item_key", "origin",
}  # fmt: skip
_BYTES = {"payload", "digest", "wrapped_keys", "value", "first", "last", "joint", "cut", "header", "salt", "words"}

_LARGE = (1 << 33) + 7
_TOO_LARGE = re.compile("out of range|overflow|numericvalueoutofrange|too large|incorrect", re.IGNORECASE)

_ELSEWHERE = {"MAX_PACKET", "LOCK_SCHEMA", "UNLOCK_SCHEMA", "_TABLES_OF_FILE"}
"""Statements that another database does not know, or that hold what outlives them."""


def _statements() -> Iterator[tuple[str, Statement]]:
    """Yield all statements of the package, each with its name."""
    for package in (sessions.log, sessions.db):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.startswith("sessions.db.sqlite."):
                continue  # No other database knows them.
            for name, value in vars(importlib.import_module(found.name)).items():
                if isinstance(value, Statement) and name not in _ELSEWHERE:
                    yield f"{found.name}.{name}", value
    for make in (sums_of_session, sums_of_all):
        yield make.__name__, make(("turn", "model", "day") if make is sums_of_all else ("place", "turn", "agent"))


ALL = dict(_statements())


@pytest.fixture
async def migrated(url: str) -> str:
    """The URL of a database with our tables."""
    await _make_tables(url)
    return url


async def _make_tables(url: str) -> None:
    session = SQLAlchemySession.from_url("s", url=url, create_tables=True)
    await session.add_items([{"role": "user", "content": "1"}])
    await session._sql.aclose()


async def test_no_parameter_is_narrower_than_its_column(postgres: Postgres) -> None:
    """
    Numbers of leases begin at the session's id times 2^24, so they have more than 32 bits from the 128th session on.

    Fails without: log/statements/extend.py, `cast(:{} as bigint)`.
    """
    url = postgres.new_database()
    await _make_tables(url)
    texts = NumberedTexts({**words((LOG,), POSTGRES), **FEW})
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    narrow = []
    try:
        smallint = {
            row[0]
            for row in await connection.fetch(
                """
                select column_name from information_schema.columns
                where data_type = 'smallint' and table_name like 'agent_log_%'
                """
            )
        }
        assert smallint == {
            "may_extend",
            "pending",
            "holes",
            "lease_open",
            "annotated",
            "untold",
            "archived",
            "keyed",
            "sealed",
            "tagged",
        }, "a flag that is new: name it here"
        for name, statement in ALL.items():
            numbered, names = texts[statement]
            types = [kind.name for kind in (await connection.prepare(numbered)).get_parameters()]
            # The statements of the hot path number their parameters, and state the types of those that are flags.
            named = names or [f"${number}" for number in range(1, len(types) + 1)]
            for parameter, kind in zip(named, types, strict=True):
                stated = f"{parameter}::smallint" in numbered
                if kind in {"int2", "int4", "float4", "float8"} and parameter not in _FLAGS and not stated:
                    narrow.append((name, parameter, kind))
    finally:
        await connection.close()
    assert len(ALL) > 140
    assert narrow == []


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "mysql", "sqlite"])
async def test_statements_take_large_numbers(request: pytest.FixtureRequest, tmp_path: Any, driver: str) -> None:
    """
    Each statement is executed with numbers beyond 32 bits, through SQLAlchemy.

    Fails without: log/statements/extend.py, `cast(:{} as bigint)` (asyncpg).
    """
    if driver == "sqlite":
        database, url = SQLITE, f"sqlite+aiosqlite:///{tmp_path}/sessions.db"
    elif driver == "mysql":
        database, url = MARIADB, request.getfixturevalue("mariadb").new_database()
    else:
        database, url = POSTGRES, request.getfixturevalue("postgres").new_database()
    await _make_tables(url)
    if database == POSTGRES:
        url = make_url(url).set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)
    engine = create_async_engine(url)
    done, failed = 0, []
    try:
        async with engine.connect() as connection:
            for name, statement in ALL.items():
                for sql in statement.render(database, {**words((LOG,), database), **FEW}):
                    clause = text(sql)
                    if re.search(r"\$\d", sql):
                        continue  # The hot path, which has no other driver.
                    values = {parameter: _value(parameter) for parameter in clause._bindparams}
                    try:
                        await connection.execute(clause, values)
                        done += 1
                    except DBAPIError as error:
                        # A row that is there, or one that is missing: what is asked here is only whether numbers pass.
                        if _TOO_LARGE.search(f"{type(error.orig).__name__} {error.orig}"):
                            failed.append((name, type(error.orig).__name__))
                    await connection.rollback()
    finally:
        await engine.dispose()
    assert failed == []
    assert done > 100


def _value(parameter: str) -> object:
    if parameter in _FLAGS:
        return 1
    if parameter in {"branch", "forked_from"}:
        return str(_LARGE)  # In some statements a name, in others an id: this is both.
    if parameter in _TEXTS or re.fullmatch(r"s\d+", parameter):
        return "x"
    return b"\x01" if parameter in _BYTES else _LARGE

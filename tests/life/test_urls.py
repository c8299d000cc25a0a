"""URLs as hosts hand them out: they work, or one error at opening says what to write."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from sessions import AdvancedSQLAlchemySession, SQLAlchemySession, open_store
from sessions.cli.main import main
from sessions.db.sqlalchemy.urls import place, understand
from tests.sql.network import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sql.servers import MariaDB, Postgres

SECRET = "canary"  # noqa: S105 - no server asks for it

OPENINGS: list[Callable[[str], object]] = [
    open_store,
    lambda url: SQLAlchemySession.from_url("s", url=url),
    lambda url: AdvancedSQLAlchemySession.from_url("s", url=url),
]

UNDERSTOOD = [
    ("postgres://u@h/d", "postgresql+asyncpg://u@h/d", {}),
    ("POSTGRES://u@h/d", "postgresql+asyncpg://u@h/d", {}),
    (" postgresql://u@h/d\n", "postgresql+asyncpg://u@h/d", {}),
    ("postgres+psycopg://u@h/d?sslmode=require", "postgresql+psycopg://u@h/d?sslmode=require", {}),
    ("mysql://u@h/d", "mysql+aiomysql://u@h/d", {}),
    ("mariadb://u@h/d?charset=utf8mb4", "mariadb+aiomysql://u@h/d?charset=utf8mb4", {}),
    ("postgres://u@h/d?sslmode=verify-full", "postgresql+asyncpg://u@h/d?ssl=verify-full", {}),
    ("postgres://u@h/d?channel_binding=prefer&gssencmode=disable", "postgresql+asyncpg://u@h/d", {}),
    (
        "postgres://u@h/d?application_name=a&options=-csearch_path%3Dx",
        "postgresql+asyncpg://u@h/d",
        {"server_settings": {"application_name": "a", "options": "-csearch_path=x"}},
    ),
    ("postgres://u@h/d?connect_timeout=10", "postgresql+asyncpg://u@h/d", {"timeout": 10.0}),
    ("postgres://u@h/d?connect_timeout=0", "postgresql+asyncpg://u@h/d", {}),
    (
        "postgres://u@h/d?pgbouncer=true&statement_cache_size=0",
        "postgresql+asyncpg://u@h/d",
        {"statement_cache_size": 0, "prepared_statement_cache_size": 0},
    ),
    ("postgresql+psycopg://u@h/d?pgbouncer=true", "postgresql+psycopg://u@h/d", {"prepare_threshold": None}),
    (
        "postgres://u@h/d?sslmode=verify-ca&sslrootcert=/ca.pem",
        "postgresql+asyncpg://u@h/d?ssl=verify-ca",
        {"dsn": "postgresql://?sslrootcert=%2Fca.pem"},
    ),
    (
        "postgres://u@one:1,two/d?target_session_attrs=read-write",
        "postgresql+asyncpg://u@/d?host=one%3A1&host=two%3A5432&target_session_attrs=read-write",
        {},
    ),
    (
        "postgres://u@[::1]:1,two/d?sslmode=require",
        "postgresql+asyncpg://u@/d?host=%3A%3A1%2Ctwo&port=1%2C5432&ssl=require",
        {},
    ),
    ("postgres://u@[::1]:5/d", "postgresql+asyncpg://u@[::1]:5/d", {}),
    ("mysql://u@h/d?ssl-mode=DISABLED", "mysql+aiomysql://u@h/d", {}),
]


@pytest.mark.parametrize(("url", "expected", "connect_args"), UNDERSTOOD)
def test_what_is_understood(url: str, expected: str, connect_args: dict[str, Any]) -> None:
    """
    Fails without: db/sqlalchemy/urls.py, `_parse`; db/sqlalchemy/url_parameters.py.
    """
    found = understand(url)
    assert found.url == make_url(expected)
    assert found.connect_args == connect_args
    for opening in OPENINGS:
        opening(url)


@pytest.mark.parametrize(
    ("parameter", "checks", "names"),
    [
        ("ssl-mode=REQUIRED", ssl.CERT_NONE, False),
        ("ssl_mode=VERIFY_CA", ssl.CERT_REQUIRED, False),
        ("sslaccept=strict", ssl.CERT_REQUIRED, True),
        ('ssl={"rejectUnauthorized":true}', ssl.CERT_REQUIRED, True),
        ("sslmode=verify-full", ssl.CERT_REQUIRED, True),
    ],
)
@pytest.mark.parametrize("driver", ["aiomysql", "asyncmy"])
def test_tls_with_mariadb(parameter: str, checks: ssl.VerifyMode, names: Any, driver: str) -> None:
    """
    Fails without: db/sqlalchemy/url_parameters.py, `_context`.
    """
    context = understand(f"mysql+{driver}://u@h/d?{parameter}").connect_args["ssl"]
    assert (context.verify_mode, context.check_hostname) == (checks, names)


REFUSED = [
    ("postgres://u:canary@h/d?channel_binding=require", "channel_binding.*sslmode=verify-full"),
    ("postgres://u:canary@h/d?sslmode=canary", r"sslmode.*one of disable, allow, prefer, require"),
    ("postgres://u:canary@h/d?ssl=true", r"ssl.*one of disable"),
    (
        "postgres://u:canary@h/d?schema=x&connection_limit=5",
        r"connection_limit, schema.*pool_size.*schema of our tables",
    ),
    ("postgres://u:canary@h/d?nonsense=canary", r"nonsense.*connect_args"),
    ("postgres://u:canary@h/d?connect_timeout=canary", "connect_timeout.*number of seconds"),
    ("postgres://u:canary@h/d?target_session_attrs=canary", "target_session_attrs.*read-write"),
    ("postgres://u:canary@h/d?pgbouncer=canary", "pgbouncer.*true or false"),
    ("postgres://u:canary@h/d?sslmode=require&sslmode=canary", "sslmode.*once"),
    ("postgresql+psycopg://u:canary@h/d?nonsense=canary", "nonsense"),
    ("mysql://u:canary@h/d?ssl-mode=canary", "ssl-mode.*VERIFY_IDENTITY"),
    ("mysql://u:canary@h/d?nonsense=canary", "nonsense"),
    ("mysql://u:canary@h/d?ssl_ca=/no/canary.pem", "ssl_ca.*files"),
    ("postgresql+psycopg2://u:canary@h/d", "synchronous.*asyncpg"),
    ("mysql+pymysql://u:canary@h/d", "synchronous.*aiomysql"),
    ("mysql+mysqlclient://u:canary@h/d", "synchronous"),
    ("mysql://u:canary@one:1,two:2/d", "host.*one host"),
    ("postgres://u:canary@h:99999/d", "port"),
    ("postgres://u:canary@h..example/d", "not the URL of a database"),
    ("postgres://u:canary", "not the URL of a database"),
    ("postgres://h:canary/d", "not the URL of a database"),
]


@pytest.mark.parametrize(("url", "expected"), REFUSED)
@pytest.mark.parametrize("opening", range(len(OPENINGS)))
def test_what_is_refused_at_opening(url: str, expected: str, opening: int) -> None:
    """
    Fails without: db/sqlalchemy/urls.py, `except WrongParametersError`.
    """
    with pytest.raises(ValueError, match=expected) as caught:
        OPENINGS[opening](url)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_command_line_says_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["sessions", "migrate", "postgres://u:canary@h/d?channel_binding=require"])
    assert main() == 2  # as each mistake in what was typed
    said = capsys.readouterr().err
    assert "channel_binding" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "password", ["p@canary", "@canary", "canary@", "a/b@canary", "a?b@canary", "c%40canary", "a@b:c@canary"]
)
def test_a_password_with_an_at_sign_is_one(password: str) -> None:
    """SQLAlchemy takes what follows its first @ for the host, which errors show.

    Fails without: db/sqlalchemy/urls.py, `_with_escapes`.
    """
    found = understand(f"postgres://user:{password}@host:5/db?user=me@here")
    assert found.url.password == password.replace("%40", "@")
    assert (found.url.host, found.url.port, found.url.database) == ("host", 5, "db")
    assert SECRET not in place(found.url)


async def test_a_hosts_url_is_used(postgres: Postgres) -> None:
    url = postgres.new_database().replace("postgresql+asyncpg", "postgres")
    more = "?sslmode=prefer&application_name=canary_app&options=-cwork_mem%3D9MB&connect_timeout=10&pgbouncer=true"
    async with open_store(url + more, create_tables=True) as store:
        await store.session("s").add_items([message("1")])
        query = f"select count(*) from pg_stat_activity where application_name = '{SECRET}_app'"  # noqa: S608 - ours
        assert postgres.rows(query) == ["1"]
        session = SQLAlchemySession.from_url("s", url=url + more)
        async with session.engine.connect() as connection:
            assert (await connection.exec_driver_sql("show work_mem")).scalar_one() == "9MB"
        await session.aclose()


async def test_mariadb_by_its_short_name(mariadb: MariaDB) -> None:
    url = mariadb.new_database().replace("mysql+aiomysql", "mariadb")
    async with open_store(url, create_tables=True) as store:
        await store.session("s").add_items([message("1")])
        assert await store.session("s").get_items() == [message("1")]

"""URLs of databases, as hosts hand them out: which driver, and its parameters in the driver's own words.

Each parameter is passed on, translated, or named in one `ValueError` when the store is opened. No message shows a
value: some are passwords.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.sqlalchemy.url_parameters import TRANSLATIONS, WrongParametersError

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_URL: Final = (
    "url is not the URL of a database. Nothing was opened. Write for example "
    "postgresql+asyncpg://user:password@host/database, with special characters in the password as %XX."
)
USE: Final = "Use postgresql+asyncpg://, mysql+aiomysql:// or sqlite+aiosqlite://"

SUPPORTED: Final = (POSTGRES, MARIADB, "mariadb", SQLITE)
"""The databases, by SQLAlchemy's names."""

_DRIVERS: Final = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "mysql": "mysql+aiomysql",
    "mariadb": "mariadb+aiomysql",
    "sqlite": "sqlite+aiosqlite",
}
_PORT_NUMBERS: Final = 1 << 16
_PORTS: Final = {POSTGRES: 5432, MARIADB: 3306, "mariadb": 3306}

_NAMED_OTHERWISE: Final = {"mysqlclient": "mysqldb"}
"""Drivers that SQLAlchemy calls by another name than their package has."""

_HOST: Final = r"(?:\[[0-9A-Fa-f:.%\w]+\]|[^/?#@:,\s\[\]]*)(?::\d*)?"
_AFTER_USER: Final = re.compile(
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<rest>(?:/[^@?]*)?(?:\?(?:[^=&]+=.*)?)?)", re.DOTALL
)
"""What may follow the @ behind user and password: hosts, and then a database and parameters."""


class Understood(NamedTuple):
    """A URL that `create_async_engine` takes, and further arguments for its driver."""

    url: URL
    connect_args: dict[str, Any]


def understand(url: str | URL) -> Understood:
    """Return a URL with an asynchronous driver and with that driver's own parameters.

    Raises:
        TypeError: `url` is not a URL.
        ValueError: It is not one of a database, its driver is unknown or synchronous, or the driver does not know
            some parameters. The message shows neither password nor user.
    """
    if not isinstance(url, str | URL):
        raise TypeError(
            f"url must be a URL, not {type(url).__name__}. Nothing was opened. Pass text such as "
            "postgresql+asyncpg://user:password@host/database."
        )
    parsed = _parse(url) if isinstance(url, str) else _with_driver(url)
    _check_driver(parsed)
    _check_address(parsed)
    translate = TRANSLATIONS.get(parsed.drivername.partition("+")[2])
    if translate is None:
        return Understood(parsed, {})
    try:
        query, connect_args = translate(_once_each(parsed.query))
    except WrongParametersError as wrong:
        names = "" if any("@" in name for name in wrong.names) else ", ".join(wrong.names)
        raise ValueError(
            f"the URL of {parsed.drivername}:// has parameters that cannot be used: "
            f"{names or 'not shown'}. Nothing was "
            f"opened. To correct it: {'; '.join(wrong.cures)}."
        ) from None
    return Understood(parsed.set(query=query), connect_args)


def place(url: URL) -> str:
    """Return a URL without its private parts: user, password and options, some of which are passwords."""
    shown: dict[str, Any] = {"host": url.query["host"]} if "host" in url.query else {}
    if url.query.get("ssl") in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"):
        shown["ssl"] = url.query["ssl"]
    port = url.port or (_PORTS.get(url.get_backend_name()) if url.host else None)
    return URL.create(url.drivername, host=url.host, port=port, database=url.database, query=shown).render_as_string()


def address(url: URL) -> str:
    """Return where a server is, as in "host db.example.com, port 5432"."""
    port = url.port or _PORTS.get(url.get_backend_name())
    hosts = url.query.get("host") or url.query.get("unix_socket") or url.host or "localhost"
    if isinstance(hosts, tuple) or "host" in url.query:
        hosts = ", ".join([hosts] if isinstance(hosts, str) else hosts)
        return f"host {hosts}"
    return f"host {hosts}, port {port}"


def file_of(url: URL) -> str | None:
    """Return the absolute path of SQLite's file; ``None`` for a database in memory, and for a URI of SQLite's own."""
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        return None
    return os.path.abspath(url.database)  # noqa: PTH100 - resolves no links, so no I/O


def _parse(text: str) -> URL:
    scheme, is_url, rest = text.strip().partition("://")
    if not is_url:
        raise ValueError(NO_URL)
    dialect, plus, driver = scheme.lower().partition("+")
    if plus:
        name = f"{'postgresql' if dialect == 'postgres' else dialect}+{_NAMED_OTHERWISE.get(driver, driver)}"
    else:
        name = _DRIVERS.get(dialect, dialect)
    try:
        return make_url(f"{name}://{rest if dialect == SQLITE else _with_escapes(rest)}")
    except (ArgumentError, ValueError):
        raise ValueError(NO_URL) from None


def _with_escapes(rest: str) -> str:
    """Return the part after "://" as SQLAlchemy needs it: with each @ of user and password as %40.

    SQLAlchemy ends a password at its first @, and takes the rest of it for the host, which errors show. Several hosts
    become parameters.

    Raises:
        ValueError: It cannot be told where user and password end.
    """
    starts = [0] if "@" not in rest else [found.end() for found in re.finditer("@", rest)]
    for start in starts:
        if found := _AFTER_USER.fullmatch(rest, start):
            user = rest[: max(0, start - 1)].replace("@", "%40") + "@" * (start > 0)
            hosts = found["hosts"].split(",")
            if len(hosts) == 1:
                return f"{user}{found[0]}"
            listed = [host if re.search(r":\d+$", host) else f"{host.removesuffix(':')}:5432" for host in hosts]
            path, _, query = found["rest"].partition("?")
            parameters = [*_several(listed), *[query] * bool(query)]
            return f"{user}{path or '/'}?{'&'.join(parameters)}"
    raise ValueError(NO_URL)


def _several(hosts: list[str]) -> list[str]:
    """Return parameters for several hosts, each with its port."""
    if not any("[" in host for host in hosts):
        return [f"host={quote(host, safe=':')}" for host in hosts]
    # In the other spelling SQLAlchemy takes each colon of an address for the one before a port.
    names, ports = zip(*(host.rsplit(":", 1) for host in hosts), strict=True)
    return [f"host={quote(','.join(name.strip('[]') for name in names), safe=':,')}", f"port={','.join(ports)}"]


def _with_driver(url: URL) -> URL:
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _check_driver(url: URL) -> None:
    """Refuse an unknown or synchronous driver, before its import fails."""
    try:
        dialect = url.get_dialect()
        dialect = dialect.get_async_dialect_cls(url)
    except NoSuchModuleError:  # It is an ArgumentError too.
        raise ValueError(f"no driver is known for {url.drivername}://. Nothing was opened. {USE}.") from None
    except ArgumentError:
        raise ValueError(NO_URL) from None
    if dialect.name not in SUPPORTED:
        raise ValueError(f"the database of {url.drivername}:// is not supported. Nothing was opened. {USE}.")
    if not dialect.is_async:
        raise ValueError(
            f"the driver of {url.drivername}:// is synchronous, not asynchronous. Nothing was opened. {USE}."
        )


def _check_address(url: URL) -> None:
    """Refuse a port and a name that no server can have, which drivers find in the middle of connecting.

    Raises:
        ValueError: It is one.
    """
    if url.port is not None and not 0 < url.port < _PORT_NUMBERS:
        raise ValueError(
            f"the port in the URL must be from 1 to {_PORT_NUMBERS - 1}, not {url.port}. Nothing was opened. "
            "Check the URL."
        )
    if url.host and not url.host.startswith("/"):
        try:
            url.host.encode("idna")
        except UnicodeError:
            raise ValueError(NO_URL) from None


def _once_each(query: Mapping[str, str | tuple[str, ...]]) -> dict[str, Any]:
    """Return parameters; only hosts and ports may come several times.

    Raises:
        WrongParametersError: Another one does.
    """
    twice = [name for name, value in query.items() if not isinstance(value, str) and name not in ("host", "port")]
    if twice:
        raise WrongParametersError(twice, ["write each once"])
    return dict(query)

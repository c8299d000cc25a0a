"""The parameters in URLs: names of libpq, MySQL's clients and pgbouncer, translated into those of our drivers.

A translation gets a URL's parameters and returns those that stay in the URL, and further arguments for the driver.
"""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Translated: TypeAlias = tuple[dict[str, Any], dict[str, Any]]


class WrongParametersError(Exception):
    """Some parameters cannot be used.

    Attributes:
        names: Theirs.
        cures: The replacements to suggest.
    """

    def __init__(self, names: Iterable[str], cures: Iterable[str]) -> None:
        super().__init__()
        self.names = list(names)
        self.cures = list(cures)


_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TARGETS: Final = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
_ON: Final = ("true", "1", "yes", "on")
_OFF: Final = ("false", "0", "no", "off")

_NUMBERS: Final[dict[str, Callable[[str], float]]] = {
    "statement_cache_size": int,
    "max_cached_statement_lifetime": int,
    "max_cacheable_statement_size": int,
    "command_timeout": float,
    "timeout": float,
}
_IN_DSN: Final = (
    "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation", "ssl_min_protocol_version",
    "ssl_max_protocol_version", "service",
)  # fmt: skip
"""What asyncpg takes in a connection string only."""

_ASYNCPG: Final = (
    "host", "port", "user", "password", "database", "passfile", "servicefile", "krbsrvname", "gsslib",
    "prepared_statement_cache_size",
)  # fmt: skip
_MYSQL: Final = (
    "charset", "unix_socket", "connect_timeout", "init_command", "read_default_file", "read_default_group", "sql_mode",
    "use_unicode", "client_flag", "local_infile", "program_name", "autocommit", "auth_plugin", "user", "password",
    "host", "port",
)  # fmt: skip

_POOL: Final = "pass the size of a pool in engine_kwargs={'pool_size': …, 'max_overflow': …}"
_SCHEMA: Final = "pass the schema of our tables as schema=… of the store, and a search path as options=-csearch_path=…"
_CURES: Final = {
    "schema": _SCHEMA,
    "currentSchema": _SCHEMA,
    "channel_binding": "asyncpg cannot bind channels: leave channel_binding out and write "
    "sslmode=verify-full&sslrootcert=system, which checks the server's certificate, or use postgresql+psycopg://",
    "gssencmode": "asyncpg encrypts by TLS only: leave gssencmode out and write sslmode=require",
    "ssl": f"write ssl= with one of {', '.join(_SSL_MODES)}",
    "sslmode": f"write sslmode= with one of {', '.join(_SSL_MODES)}",
    "target_session_attrs": f"write target_session_attrs= with one of {', '.join(_TARGETS)}",
    "connect_timeout": "write connect_timeout= with a number of seconds",
    **dict.fromkeys(("connection_limit", "pool_size", "pool_timeout", "max_overflow"), _POOL),
    **dict.fromkeys(_NUMBERS, "write a number"),
    **dict.fromkeys(("pgbouncer", "prepared_statements"), "write true or false"),
}
_OTHERS: Final = "leave the others out, or pass the driver's own names in engine_kwargs={'connect_args': {…}}"


def _refuse(wrong: Iterable[str], cures: dict[str, str]) -> None:
    names = sorted(wrong)
    if names:
        known = list(dict.fromkeys(cures[name] for name in names if name in cures))
        raise WrongParametersError(names, known + [_OTHERS] * any(name not in cures for name in names))


def _without_prepared(query: dict[str, Any], wrong: set[str]) -> bool:
    """Remove the parameters by which several programs announce a pooler; tell whether there was one."""
    found = False
    for name, yes, no in (("pgbouncer", _ON, _OFF), ("prepared_statements", _OFF, _ON)):
        value = query.pop(name, no[0]).lower()
        found = found or value in yes
        if value not in (*yes, *no):
            wrong.add(name)
    for name in ("prepareThreshold", "prepare_threshold"):
        if query.get(name) == "0":
            del query[name]
            found = True
    return found


def _for_asyncpg(given: dict[str, Any]) -> Translated:
    query, wrong = dict(given), set[str]()
    connect: dict[str, Any] = {}
    settings = {name: query.pop(name) for name in ("options", "application_name") if name in query}
    if "fallback_application_name" in query:
        settings.setdefault("application_name", query.pop("fallback_application_name"))
    if settings:
        connect["server_settings"] = settings
    if _without_prepared(query, wrong):
        connect |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    if "dbname" in query:
        connect["database"] = query.pop("dbname")
    for name in ("channel_binding", "gssencmode"):
        if query.pop(name, "prefer") not in ("prefer", "disable"):
            wrong.add(name)
    if query.get("target_session_attrs", "any") not in _TARGETS:
        wrong.add("target_session_attrs")
    if query.pop("client_encoding", "utf8").lower().replace("-", "") not in ("utf8", "auto"):
        wrong.add("client_encoding")
    connect |= _tls_of_asyncpg(query, wrong) | _numbers_of_asyncpg(query, wrong)
    _refuse(wrong | (query.keys() - {*_ASYNCPG, "ssl", "target_session_attrs"}), _CURES)
    return query, connect


def _tls_of_asyncpg(query: dict[str, Any], wrong: set[str]) -> dict[str, Any]:
    """Remove the TLS parameters, except ``ssl=``, which asyncpg accepts with libpq's words for ``sslmode=``."""
    for name in ("ssl", "sslmode"):
        if query.get(name, "require") not in _SSL_MODES:
            wrong.add(name)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    files = {str(name): query.pop(name) for name in _IN_DSN if name in query}
    if files.get("sslrootcert") == "system":
        del files["sslrootcert"]
        query.pop("ssl", None)
        return {"ssl": ssl.create_default_context()}
    return {"dsn": f"postgresql://?{urlencode(files)}"} if files else {}


def _numbers_of_asyncpg(query: dict[str, Any], wrong: set[str]) -> dict[str, Any]:
    """Remove the parameters that asyncpg takes as numbers, one of them with libpq's name."""
    found: dict[str, Any] = {}
    numbers: dict[str, Callable[[str], float]] = {**_NUMBERS, "connect_timeout": int}
    for name, number in numbers.items():
        if name in query:
            try:
                found[name] = number(query.pop(name))
            except ValueError:
                wrong.add(name)
    if seconds := found.pop("connect_timeout", 0):  # 0 is libpq's word for "no limit".
        found.setdefault("timeout", float(seconds))
    return found


def _for_psycopg(given: dict[str, Any]) -> Translated:
    """Leave it to libpq, which knows its own parameters; and name those that it does not know."""
    query, wrong = dict(given), set[str]()
    connect: dict[str, Any] = {}
    if _without_prepared(query, wrong):
        connect["prepare_threshold"] = None
    if "ssl" in query:
        query.setdefault("sslmode", query.pop("ssl"))
    if query.get("sslmode", "require") not in _SSL_MODES:
        wrong.add("sslmode")
    try:
        from psycopg.pq import Conninfo  # noqa: PLC0415 - by those who use it
    except ImportError:  # It is told, when the engine is made.
        known = set(query)
    else:
        known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    _refuse(wrong | (query.keys() - known), _CURES)
    return query, connect


_MYSQL_MODES: Final = {
    "disabled": None, "disable": None, "preferred": None, "prefer": None, "allow": None, "required": "require",
    "require": "require", "verify_ca": "ca", "verify-ca": "ca", "verify_identity": "full", "verify-full": "full",
}  # fmt: skip
_MYSQL_FILES: Final = ("ca", "capath", "cert", "key")
_MYSQL_SSL: Final = "write ssl-mode= with one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY"
_MYSQL_CURES: Final = {
    **dict.fromkeys(("ssl", "ssl-mode", "ssl_mode", "sslmode", "sslaccept"), _MYSQL_SSL),
    **dict.fromkeys(("connection_limit", "pool_size", "pool_timeout", "max_overflow"), _POOL),
    "connect_timeout": "write connect_timeout= with a number of seconds",
    **dict.fromkeys(("host", "port"), "MySQL's drivers connect to one host: name one, or a proxy in front of several"),
}


def _for_mysql(given: dict[str, Any]) -> Translated:
    """Make a TLS context of the parameters that MySQL's clients and hosts use: the drivers accept nothing else."""
    query, wrong = dict(given), set[str]()
    mode: str | None = None
    for name in ("ssl-mode", "ssl_mode", "sslmode"):
        if name in query:
            word = query.pop(name).lower()
            mode = _MYSQL_MODES.get(word)
            if word not in _MYSQL_MODES:
                wrong.add(name)
    if "sslaccept" in query:
        accept = query.pop("sslaccept")
        mode = {"strict": "full", "accept_invalid_certs": "require"}.get(accept)
        if mode is None:
            wrong.add("sslaccept")
    if "ssl" in query:
        mode = _mode_of_flag(query.pop("ssl"), mode, wrong)
    files = {kind: query.pop(name) for kind in _MYSQL_FILES for name in (f"ssl-{kind}", f"ssl_{kind}") if name in query}
    if files and mode is None:
        mode = "ca" if files.keys() & {"ca", "capath"} else "require"
    if query.pop("ssl_check_hostname", "false").lower() in _ON:
        mode = "full"
    if not query.get("connect_timeout", "1").isdigit():
        wrong.add("connect_timeout")
    wrong |= {name for name in ("host", "port") if not isinstance(query.get(name, ""), str)}
    _refuse(wrong | (query.keys() - set(_MYSQL)), _MYSQL_CURES)
    return query, {"ssl": _context(mode, files)} if mode else {}


def _mode_of_flag(text: str, mode: str | None, wrong: set[str]) -> str | None:
    """Return the mode for ``ssl=true``, or for the JSON that Node's drivers take there."""
    if text.lower() in (*_ON, *_OFF):
        return (mode or "require") if text.lower() in _ON else mode
    try:
        return "full" if json.loads(text)["rejectUnauthorized"] else "require"
    except (ValueError, KeyError, TypeError):
        wrong.add("ssl")
        return mode


def _context(mode: str, files: dict[str, str]) -> ssl.SSLContext:
    """Return a TLS context.

    Raises:
        WrongParametersError: A file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=files.get("ca"), capath=files.get("capath"))
        if mode != "full":
            context.check_hostname = False
        if mode == "require":
            context.verify_mode = ssl.CERT_NONE
        if "cert" in files:
            context.load_cert_chain(files["cert"], files.get("key"))
    except OSError:
        raise WrongParametersError([f"ssl_{kind}" for kind in files], ["check the files they name"]) from None
    return context


TRANSLATIONS: Final[dict[str, Callable[[dict[str, Any]], Translated]]] = {
    "asyncpg": _for_asyncpg,
    "psycopg": _for_psycopg,
    "psycopg_async": _for_psycopg,
    "aiomysql": _for_mysql,
    "asyncmy": _for_mysql,
}

"""The features that an engine carries beside its connections, and whether asyncpg's fast paths would bypass them.

The short ways borrow the driver's connection from the engine's pool, execute on it directly, and send commands of
several callers together. So they suit an engine that carries nothing else. Listeners for statements and transactions
are called by SQLAlchemy only; listeners for borrowing may go by the caller's context, as those do that set a tenant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine.base import Engine, OptionEngine
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
_OF_OPERATIONS: Final = (
    "after_cursor_execute",
    "after_execute",
    "before_cursor_execute",
    "before_execute",
    "begin",
    "commit",
    "engine_connect",
    "release_savepoint",
    "rollback",
    "rollback_savepoint",
    "savepoint",
    "set_connection_execution_options",
)
"""Events of an engine that only SQLAlchemy's way causes."""

_OF_STATEMENTS: Final = ("do_execute", "do_execute_no_params", "do_executemany", "do_setinputsizes", "handle_error")
"""Events of a dialect that only SQLAlchemy's way causes."""

_OF_BORROWING: Final = ("checkout", "checkin", "reset")
"""Events of a pool that a caller's context may matter to. Others are those of a connection's beginning and end."""

_MADE_BY_SQLALCHEMY: Final = ("sqlalchemy.engine.create", "sqlalchemy.engine.default", "sqlalchemy.util.langhelpers")
"""Where SQLAlchemy's own listeners for new connections come from, and its way of making one."""

_KEEPING: Final = (AsyncAdaptedQueuePool, StaticPool)
"""Pools whose connections outlive a loan, so that a new one belongs to no caller."""


def carried(engine: AsyncEngine) -> str:
    """Return an engine's feature that the fast paths would bypass; "" if it has none.

    Listeners may be added at any time, so this is asked before each operation. Without any, it takes a microsecond.
    """
    sync = engine.sync_engine
    pool = sync.pool
    # SQLAlchemy marks an engine, and a dialect, that has ever had listeners of its own or of its class.
    if (
        sync._has_events  # noqa: SLF001
        or sync.dialect._has_events  # noqa: SLF001
        or type(pool) is not AsyncAdaptedQueuePool
        or type(engine) is not AsyncEngine
        or type(sync) not in (Engine, OptionEngine)
        or sync.echo
    ):
        return _look_closely(engine)
    heard = pool.dispatch
    if heard.checkout or heard.checkin or heard.reset:
        return _listeners(_heard(heard, _OF_BORROWING))
    return ""


def _look_closely(engine: AsyncEngine) -> str:
    sync = engine.sync_engine
    pool = sync.pool
    if type(engine) is not AsyncEngine or type(sync) not in (Engine, OptionEngine):
        return f"a class of its own ({type(engine).__name__})"
    if sync.echo:
        return "echo=True"
    # Where connections are kept, nothing about making one is of a caller's.
    kept = type(pool) in _KEEPING
    heard = (
        *_heard(sync.dispatch, _OF_OPERATIONS),
        *_heard(sync.dialect.dispatch, _OF_STATEMENTS if kept else ("do_connect", *_OF_STATEMENTS)),
        *_heard(pool.dispatch, _OF_BORROWING),
    )
    if heard:
        return _listeners(heard)
    if not kept:
        if not type(pool).__module__.startswith("sqlalchemy."):
            return f"a pool of its own ({type(pool).__name__})"
        makers = [pool._creator, *pool.dispatch.connect]  # noqa: SLF001
        if any(getattr(maker, "__module__", "") not in _MADE_BY_SQLALCHEMY for maker in makers):
            return f"its own way of making connections, which {type(pool).__name__} makes for each operation"
    return ""


def _heard(dispatch: Any, names: Sequence[str]) -> list[str]:
    return [name for name in names if getattr(dispatch, name)]


def _listeners(names: Sequence[str]) -> str:
    return f"listeners for {', '.join(sorted(names))}"


def translated(options: Mapping[str, Any], schema: str | None) -> str | None:
    """Return the schema of our tables by an engine's or a connection's ``schema_translate_map``."""
    names = options.get("schema_translate_map")
    return names.get(schema, schema) if names else schema

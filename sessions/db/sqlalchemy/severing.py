"""Ending drivers' connections without asking the server or an event loop."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable


_of_parents: Final[list[Any]] = []
"""Streams of connections from before a fork."""


def ending(driver_connection: Any) -> Callable[[], None] | None:
    """Return a function that ends a connection at once in its event loop; ``None`` for an unknown driver."""
    if terminate := getattr(driver_connection, "terminate", None):  # asyncpg
        return terminate  # type: ignore[no-any-return]
    # aiomysql and asyncmy have no public way that does not wait for the peer.
    transport = _transport(driver_connection)
    return None if transport is None else transport.abort


def end_at_once(driver_connection: Any) -> None:
    """End a connection without a word to the server."""
    end = ending(driver_connection)
    if end is None:
        sever(driver_connection)
    else:
        with suppress(Exception):
            end()


def sever(driver_connection: Any) -> None:
    """Take a connection's socket away; its event loop is closed, or is not of this process.

    In the socket's place there is then a file that takes everything and gives nothing, so that later calls of the
    driver on that number reach neither the server, to which a parent process may still be talking, nor a file that was
    opened later.
    """
    number = _file_number(driver_connection)
    if number < 0:
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(nowhere, number, inheritable=False)
    finally:
        os.close(nowhere)
    _note_the_end(driver_connection)


def _note_the_end(driver_connection: Any) -> None:
    """Have a driver know that its connection has ended: as garbage, it would warn of that, or call its event loop."""
    if (libpq := getattr(driver_connection, "pgconn", None)) is not None:  # psycopg
        libpq.finish()
    elif hasattr(driver_connection, "_aborted"):  # asyncpg
        driver_connection._aborted = True  # noqa: SLF001 - as in `ending`
    else:
        # It cannot be set in older versions of asyncmy, which do not ask the server when they are garbage.
        with suppress(AttributeError):
            writer, driver_connection._writer = driver_connection._writer, None  # noqa: SLF001 - as in `ending`
            if not getattr(writer, "_loop", None).is_closed():  # type: ignore[union-attr]
                # As garbage, it would call the parent's event loop, too.
                _of_parents.append(writer)


def _file_number(driver_connection: Any) -> int:
    """Return the number of a connection's socket; -1 if it is closed, or of a driver that is not known here."""
    try:
        if (libpq := getattr(driver_connection, "pgconn", None)) is not None:  # psycopg
            return int(libpq.socket)
        transport = _transport(driver_connection)
        return -1 if transport is None else int(transport.get_extra_info("socket").fileno())
    except Exception:  # noqa: BLE001 - each driver has its own for a connection that is closed
        return -1


def _transport(driver_connection: Any) -> Any:
    """Return the transport that a connection speaks through; ``None`` if it is closed, or has none."""
    writer = getattr(driver_connection, "_writer", None)  # aiomysql, and asyncmy before it had a protocol of its own
    return getattr(writer, "transport", None) or getattr(driver_connection, "_transport", None)  # asyncpg, asyncmy


def check_tls(driver_connection: Any) -> None:
    """Refuse a connection of aiomysql's or asyncmy's that is in the clear, and end it.

    Raises:
        ssl.SSLError: It is.
    """
    transport = _transport(driver_connection)
    if transport is None or transport.get_extra_info("ssl_object") is None:
        end_at_once(driver_connection)
        raise ssl.SSLError("the server has no TLS")

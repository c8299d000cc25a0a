"""The circumstances in which a mistake is made: variables, files, and packages that are missing."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pydantic
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

import sessions
from sessions.items.tokens import token_counter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AsyncExitStack

NOBODY = 65534


class Message(pydantic.BaseModel):
    """A message as an SDK has it."""

    role: str
    content: str


@dataclasses.dataclass
class Order:
    """A class of a user's own."""

    number: int


async def summarise(items: list[Any]) -> str:
    return f"{len(items)} items"


def conversation() -> list[dict[str, str]]:
    """Return three turns."""
    return [
        message
        for number in (1, 2, 3)
        for message in (
            {"role": "user", "content": f"Question {number}"},
            {"role": "assistant", "content": f"Answer {number}"},
        )
    ]


KEY = sessions.generate_key()

_PLAIN: dict[str, Any] = {
    **{name: getattr(sessions, name) for name in sessions.__all__},
    "AsyncAdaptedQueuePool": sqlalchemy.AsyncAdaptedQueuePool, "Message": Message, "Order": Order, "Path": Path,
    "UTC": UTC, "asyncio": asyncio, "create_async_engine": create_async_engine,
    "datetime": datetime, "items": conversation(), "key": KEY, "sqlalchemy": sqlalchemy,
    "summarise": summarise, "token_counter": token_counter,
}  # fmt: skip


async def variables(code: str, setting: str, stack: AsyncExitStack) -> dict[str, Any]:
    """Return the variables that a mistake uses, in the current folder; `stack` closes them."""
    names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    known = dict(_PLAIN)
    if "session" in names:
        session: Any = sessions.SQLiteSession("user_123", "chat.db")
        stack.push_async_callback(session.aclose)
        filled = sessions.EncryptedSession("user_123", session, KEY, ttl=None) if "encrypted" in setting else session
        await filled.add_items(conversation())
        known["session"] = session
    if "encrypted" in names:
        encrypted: Any = sessions.EncryptedSession("user_123", sessions.SQLiteSession("user_123"), KEY, ttl=None)
        stack.push_async_callback(encrypted.aclose)
        await encrypted.add_items(conversation())
        known["encrypted"] = encrypted
    if "store" in names:
        known["store"] = sessions.open_store("sqlite:///store.db")
        stack.push_async_callback(known["store"].close)
    return known


@contextmanager
def circumstances(setting: str, stack: AsyncExitStack) -> Iterator[None]:
    """Make what a mistake needs in the current folder.

    Args:
        setting: As in the page.
        stack: Ends it.
    """
    without, _, package = setting.partition("without ")
    if package and not without:
        with patch.dict(sys.modules, {package: None}):
            for module in [name for name in sys.modules if name.startswith("sessions.adapters")]:
                del sys.modules[module]
            yield
        return
    make = _FILES.get(setting.removeprefix("with "))
    if make is not None:
        make(stack)
    yield


def _folder(_: AsyncExitStack) -> None:
    Path("folder").mkdir()


def _text(_: AsyncExitStack) -> None:
    Path("notes.txt").write_text("Buy milk, and remember that this is not a database.\n" * 9)


def _written(path: str, **how: Any) -> None:
    async def write() -> None:
        async with sessions.open_store(f"sqlite:///{path}", **how) as store:
            await store.session("user_123").add_items(conversation())

    _alone(write())


def _alone(work: Any) -> None:
    """Run a coroutine in an event loop of its own, beside the running one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _damaged(_: AsyncExitStack) -> None:
    _written("damaged.db")
    path = Path("damaged.db")
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


def _read_only(stack: AsyncExitStack) -> None:
    _written("chat.db")
    Path("chat.db").chmod(0o444)
    if os.geteuid() == 0:  # Permissions do not bind root.
        Path().chmod(0o755)
        os.seteuid(NOBODY)
        stack.callback(os.seteuid, 0)


def _locked(stack: AsyncExitStack) -> None:
    _written("chat.db")
    other = sqlite3.connect("chat.db", isolation_level=None)
    other.execute("begin immediate")
    stack.callback(other.close)


def _used(_: AsyncExitStack) -> None:
    _written("chat.db")


def _encrypted(_: AsyncExitStack) -> None:
    _written("secret.db", encryption_key=sessions.KeyRing({"2025": KEY}))


_FILES = {
    "a folder": _folder,
    "a text file": _text,
    "a damaged file": _damaged,
    "a read-only file": _read_only,
    "a locked file": _locked,
    "a used file": _used,
    "an encrypted file": _encrypted,
}

"""The example lines of public docstrings: where to find them, and the variables that they use."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import inspect
import re
from contextlib import aclosing
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd  # type: ignore[import-untyped]  # It has no types, nor a need for them here.
from agents import Agent, RunConfig, Runner
from agents import SQLiteSession as SDKSession
from agents.testing import ScriptedModel
from agents.usage import Usage
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

import sessions
from sessions import tables
from sessions.adapters import openai_agents
from sessions.codecs import Codec
from sessions.items import tokens
from sessions.items.repair import repair_items
from sessions.items.window import Size
from sessions.session.attribution import Speaker
from sessions.session.usage.usage import SessionUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AsyncExitStack

_TABLES = tables.metadata, tables.migrate, tables.migration_numbers, tables.note_migrations
_BESIDE = (
    Codec, SessionUsage, Speaker, openai_agents.SessionHooks, repair_items, tokens.token_counter, *_TABLES,
)  # fmt: skip
"""Public objects that `sessions.__all__` does not name: users get them from others, or import them from extras."""

_EXAMPLE = re.compile(r"^ *Example: ``(.+)``$", re.MULTILINE)


def public() -> Iterator[tuple[str, Any]]:
    """Yield all public functions, classes and their methods by name, each once."""
    seen = set()
    things: list[Any] = [*(getattr(sessions, name) for name in sessions.__all__), *_BESIDE]
    for thing in things:
        if not getattr(thing, "__module__", "").startswith("sessions."):
            continue
        found = [thing, *_members(thing)] if inspect.isclass(thing) else [thing]
        for one in found:
            name = f"{one.__module__.removeprefix('sessions.')}.{one.__qualname__}"
            if name not in seen:
                seen.add(name)
                yield name, one


def _members(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        if base.__module__.startswith("sessions."):
            for name, value in vars(base).items():
                function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                if not name.startswith("_") and inspect.isfunction(function):
                    yield function


def example_of(thing: object) -> str | None:
    """Return the code of an object's example line."""
    found = _EXAMPLE.search(thing.__doc__ or "")
    return found[1] if found else None


@dataclasses.dataclass
class Order:
    """A class of a user's own."""

    number: int


class Provider:
    """A key provider that wraps nothing."""

    current = "2026"

    async def wrap(self, secret: bytes, **_: object) -> bytes:
        return secret

    async def unwrap(self, wrapped: bytes, **_: object) -> bytes:
        return wrapped


async def summarise(items: list[Any]) -> str:
    return f"{len(items)} items"


def _conversation() -> list[dict[str, Any]]:
    call = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "Sun."}
    items: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        items += [{"role": "user", "content": f"Question {number}, or a refund?"}]
        items += [call, output] if number == 1 else []
        items += [{"role": "assistant", "content": f"Answer {number}."}]
    return items


class Seen(Exception):  # noqa: N818 - no error: it ends an example that has shown a change
    """Raised by `print` in an example that would go on for ever."""


class World:
    """The variables of an example, each made at its first use.

    Args:
        example: The code, which tells what has to be there before.
        owner: The class or function whose docstring it is, as `public` names it.
        stack: Closes everything.
    """

    def __init__(self, example: str, owner: str, stack: AsyncExitStack) -> None:
        self.example, self.owner, self.stack = example, owner, stack
        self.key = sessions.generate_key()
        self.session: Any = None

    async def variables(self) -> dict[str, Any]:
        """Return everything that the example names."""
        found = [node for node in ast.walk(ast.parse(self.example)) if isinstance(node, ast.Name)]
        names = {node.id for node in found} - {node.id for node in found if isinstance(node.ctx, ast.Store)}
        known = {name: getattr(sessions, name) for name in names if name in sessions.__all__}
        known |= {name: _PLAIN[name] for name in names if name in _PLAIN}
        for name in sorted(names):
            make = getattr(self, f"make_{name}", None)
            if make is not None:
                known[name] = await made if inspect.isawaitable(made := make()) else made
        return known

    async def make_session(self) -> Any:
        if self.session is None:
            self.session = await self._new_session()
        return self.session

    async def _new_session(self) -> Any:
        session = _session(self.owner, self.make_engine)
        self.stack.push_async_callback(session.aclose)
        await session.add_items(_conversation())
        if "create" not in self.example:
            await session.branches.create("draft")
        if "redo" in self.example:
            await session.undo()
        if "undo_compaction" in self.example:
            await session.compact(summarise)
        if "session.watch" in self.example:
            adding = asyncio.create_task(_add_for_ever(session))
            self.stack.callback(adding.cancel)
        return session

    async def make_entry_id(self) -> str:
        return str((await (await self.make_session()).entries())[0].id)

    async def make_tree(self) -> Any:
        return await (await self.make_session()).tree()

    async def make_leased(self) -> Any:
        return await self.stack.enter_async_context((await self.make_session()).lease())

    async def make_encrypted(self) -> Any:
        encrypted: Any = sessions.EncryptedSession("user_123", _underlying(self.owner), self.key, ttl=None)
        self.stack.push_async_callback(encrypted.aclose)
        await encrypted.add_items(_conversation())
        return encrypted

    async def make_store(self) -> Any:
        key: dict[str, Any] = {"encryption_key": self.key} if "rotate" in self.example else {}
        key |= {"embed": lambda texts: [[len(text), 1.0] for text in texts]} if "reembed" in self.example else {}
        store = sessions.open_store("sqlite:///store.db", **key)
        self.stack.push_async_callback(store.close)
        first, *rest = _conversation()
        session = store.session("user_123")
        await session.add_items([first], keys=["msg_1"])
        await session.add_items(rest)
        if "memories.watch(" in self.example:
            putting = asyncio.create_task(_put_for_ever(store))
            self.stack.callback(putting.cancel)
        if "import_sessions" in self.example:
            await store.export_sessions("backup.jsonl")
            await store.delete("user_123")
        return store

    async def make_change(self) -> Any:
        store = sessions.open_store("sqlite://")
        self.stack.push_async_callback(store.close)
        memories = store.memories
        cursor = await memories.watch_cursor()
        await memories.put(("users", "alice"), "style", {})
        async with aclosing(memories.watch(after=cursor)) as watch:
            return await anext(watch)

    async def make_mine(self) -> Any:
        mine = (await self.make_store()).memories.under(("users", "alice"))
        for key in ("style", "tone"):
            await mine.put(("preferences",), key, {"text": "short"})
        return mine

    async def make_sweeper(self) -> Any:
        sweeper = (await self.make_store()).sweeper(every=60)
        sweeper.start()
        return sweeper

    def make_engine(self) -> Any:
        engine = create_async_engine("sqlite+aiosqlite:///engine.db")
        self.stack.push_async_callback(engine.dispose)
        return engine

    def make_op(self) -> Any:
        """Return Alembic's `op`, as far as examples use it."""
        engine = create_engine("sqlite:///alembic.db")
        self.stack.callback(engine.dispose)
        connection = engine.connect()
        self.stack.callback(connection.close)
        return SimpleNamespace(get_bind=lambda: connection, bulk_insert=lambda table, rows: (table, rows))

    def make_agent(self) -> Any:
        answer = {"type": "message", "role": "assistant", "content": [], "id": "m", "status": "completed"}
        return Agent(name="agent", model=ScriptedModel([[answer]]))  # type: ignore[list-item]

    def make_print(self) -> Callable[..., None]:
        def show(*values: object) -> None:
            if ".watch(" in self.example:
                raise Seen(*values)

        return show


def _session(owner: str, make_engine: Callable[[], Any]) -> Any:
    settings: dict[str, Any] = {"compaction": sessions.Compaction(summarise, above=sessions.Window(items=200))}
    if owner.startswith("sqlalchemy."):
        return sessions.SQLAlchemySession("user_123", engine=make_engine(), create_tables=True)
    if owner.startswith("compat.advanced"):
        return sessions.AdvancedSQLiteSession(session_id="user_123", db_path="chat.db")
    awaited = owner in {"session.base.LogSession.close", "sqlite.AsyncSQLiteSession.close"}
    kind = sessions.AsyncSQLiteSession if awaited else sessions.SQLiteSession
    return kind("user_123", "chat.db", session_settings=settings)  # type: ignore[arg-type]


def _underlying(owner: str) -> Any:
    return SDKSession("user_123") if "ItemByItem" in owner else sessions.SQLiteSession("user_123", "encrypted.db")


class _Quiet(Runner):
    """The SDK's runner, without traces."""

    @classmethod
    async def run(cls, *given: Any, **named: Any) -> Any:
        return await Runner.run(*given, **named, run_config=RunConfig(tracing_disabled=True))


def _result() -> Any:
    usage = Usage(requests=1, input_tokens=10, output_tokens=2, total_tokens=12)
    return SimpleNamespace(context_wrapper=SimpleNamespace(usage=usage), usage=usage)


def _counter(model: str) -> Callable[[Any], int]:
    """Stand for `token_counter`, which asks the network for a model's encoding."""
    assert model
    return lambda item: len(str(item))


async def _add_for_ever(session: Any) -> None:
    while True:
        await session.add_items([{"role": "user", "content": "More."}])
        await asyncio.sleep(0.05)


async def _put_for_ever(store: Any) -> None:
    while True:
        await store.memories.put(("users", "alice"), "style", {"text": "short"})
        await asyncio.sleep(0.05)


_CODEC = sessions.PlusCodec(types=[Order])
_PLAIN: dict[str, Any] = {
    **{function.__name__: function for function in _TABLES},
    "Base": SimpleNamespace(metadata=None), "Order": Order, "Runner": _Quiet, "Size": Size,
    "SessionHooks": openai_agents.SessionHooks, "codec": _CODEC,
    "error": sessions.SessionsError("it failed"), "items": _conversation(),
    "payloads": _CODEC.encode_all(_conversation()), "provider": Provider(), "repair_items": repair_items,
    "result": _result(), "ring": sessions.KeyRing.of(sessions.generate_key()), "secret": b"s" * 64,
    "settings": sessions.SessionSettings(), "subject": sessions.Subject("session", "user_123"), "summarise": summarise,
    "message": _conversation()[0], "pandas": pd, "sessions": sessions, "table": None,
    "policy": sessions.RetentionPolicy(older_than=1), "timedelta": timedelta,
    "token_counter": _counter, "wrapped": b"s" * 64,
}  # fmt: skip
"""Variables that cost nothing to make."""

"""Pages whose examples need a world around them: keys that are there, a runner, a server with tenants."""

from __future__ import annotations

import contextvars
import json
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from agents import Agent, Runner
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import (
    ConflictError,
    EncryptedSession,
    PlusCodec,
    SQLiteSession,
    generate_key,
    open_store,
)
from sessions.testing.list_model import user
from tests.pages import blocks, run_block, run_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.sql.servers import Postgres


async def test_coming_from_the_sdk(folder: Path, answers: Callable[..., Any]) -> None:
    del folder
    answers("Hi.")
    known: dict[str, Any] = {"agent": Agent("Guide")}
    await run_page("coming-from-openai-agents.md", known)
    assert len(await known["session"].get_items()) == 2
    await known["session"].aclose()


class _KeyManagementService:
    """Keeps what it was given, and opens it in the same context only."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[bytes, str, dict[str, str]]] = {}

    async def encrypt(self, key_id: str, secret: bytes, *, context: dict[str, str]) -> bytes:
        ticket = str(len(self._kept)).encode()
        self._kept[ticket] = (secret, key_id, context)
        return ticket

    async def decrypt(self, key_id: str, ticket: bytes, *, context: dict[str, str]) -> bytes:
        secret, *rest = self._kept[ticket]
        assert rest == [key_id, context]
        return secret


async def test_encryption(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The conversation of the first example is the one whose keys are rotated, with its key as the old one."""
    del folder
    old = generate_key()
    known: dict[str, Any] = {"client": _KeyManagementService(), "new_key": generate_key()}
    for line, example in blocks("encryption.md", "python").items():
        if "generate_key()" in example:
            monkeypatch.setattr("sessions.generate_key", lambda: old)
            known["old_key"] = old
        await run_block("encryption.md", line, example, known)
    assert await known["session"].get_items() == [user("My account number is 12345.")]
    only_new = EncryptedSession("user_123", SQLiteSession("user_123", "conversations.db"), known["new_key"])
    assert await only_new.get_items() == [user("My account number is 12345.")]

    async with open_store("sqlite:///kms.db", encryption_key=known["KMS"]()) as store:
        await store.session("user_123").add_items([user("Hello")])
    async with open_store("sqlite:///kms.db", encryption_key=known["KMS"]()) as store:
        assert await store.session("user_123").get_items() == [user("Hello")]
    for session in (known["session"], only_new):
        await session.aclose()


async def test_a_listener_of_an_engine_sees_the_callers_tenant(postgres: Postgres) -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")
    known = {"create_async_engine": create_async_engine, "event": event, "text": text, "tenant": tenant}
    url = postgres.new_database()
    ((line, example),) = blocks("engines.md", "python").items()
    await run_block("engines.md", line, example.replace("postgresql+asyncpg://app@db/app", url), known)
    engine: Any = known["engine"]
    seen = []

    @event.listens_for(engine.sync_engine, "commit")
    def look(connection: Any) -> None:
        seen.append(connection.execute(text("select current_setting('app.tenant')")).scalar())

    tenant.set("acme")
    async with open_store(engine, create_tables=True) as store:
        await store.session("s").add_items([user("Hello")])
    assert set(seen) == {"acme"}
    await engine.dispose()


@dataclass
class Order:
    number: int
    price: Decimal


class Status(Enum):
    PAID = 1


async def test_items_with_values_of_their_own(folder: Path) -> None:
    del folder
    known: dict[str, Any] = {"Order": Order, "Status": Status, "Decimal": Decimal, "datetime": datetime, "UTC": UTC}
    await run_page("serialization.md", known)
    (item,) = await known["session"].get_items()
    assert item["order"] == Order(7, Decimal("9.90"))
    assert item["at"].tzinfo == UTC
    await known["session"].aclose()


def test_the_stored_form_of_a_time_with_a_zone() -> None:
    (shown,) = blocks("serialization.md", "json").values()
    value = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    (stored,) = PlusCodec().encode_all([{"at": value}])
    assert json.loads(stored)["at"] == json.loads(shown)
    assert PlusCodec().decode(stored)["at"] == value


async def test_sharing(folder: Path, answers: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else adds between what the first example reads and adds."""
    del folder
    answers("Refunded, as I said.")
    session = SQLiteSession("user_123", "conversations.db")
    await session.add_items([user("I want my money back.")])
    known: dict[str, Any] = {
        "session": session, "answer": [user("It broke.")], "message_id": 7, "ConflictError": ConflictError,
        "Runner": Runner, "agent": Agent("Billing"), "store": open_store("sqlite:///conversations.db"),
    }  # fmt: skip
    await run_page("sharing.md", known)
    assert [(session_id, found.item) for session_id, found in known["found"]] == [("user_123", user("Are you there?"))]
    await known["store"].close()
    printed = capsys.readouterr().out
    assert "billing" in printed
    entries = await session.entries()
    assert next(entry.author for entry in entries if entry.kind == "assistant") == "billing"
    assert any(entry.hidden and entry.item["to"] == "sales" for entry in entries)

    ((line, first), *_) = blocks("sharing.md", "python").items()
    async with aclosing(session.watch(after=await session.version())):
        await run_block("sharing.md", line, first.replace("...", "await session.add_items(answer)"), known)
    assert "the session has version" in capsys.readouterr().out
    await session.aclose()

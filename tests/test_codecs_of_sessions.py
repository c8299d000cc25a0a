"""A session with a codec of the caller's choice, on every store: what it holds comes back, and nothing is lost."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest

from sessions import (
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    EncryptedSession,
    IdempotencyKeyReusedError,
    InvalidItemError,
    PlusCodec,
    SQLAlchemySession,
    SQLiteSession,
    UndecodableItemError,
    generate_key,
    open_store,
)
from sessions.codecs.json import JSONCodec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sessions import LogSession


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


@dataclass
class Order:
    number: int
    total: Decimal
    tags: set[str] = field(default_factory=set)


CODEC = PlusCodec([Order, Role])
ITEMS: list[dict[str, Any]] = [
    {"role": Role.USER, "content": "one", "at": datetime(2026, 1, 2, tzinfo=UTC)},
    {"role": Role.ASSISTANT, "content": ({"~date": 1}, b"\xff"), "order": Order(1, Decimal("1.10"), {"a", "b", "c"})},
    {"role": "user", "content": "two"},
]

MAKE: dict[str, Callable[[Path], LogSession]] = {
    "file": lambda folder: SQLiteSession("s", folder / "s.db", codec=CODEC),
    "async": lambda folder: AsyncSQLiteSession("s", folder / "s.db", codec=CODEC),
    "advanced": lambda folder: AdvancedSQLiteSession(session_id="s", db_path=folder / "s.db", codec=CODEC),
    "sqlalchemy": lambda folder: SQLAlchemySession.from_url(
        "s", url=f"sqlite+aiosqlite:///{folder}/s.db", create_tables=True, codec=CODEC
    ),
    "store": lambda folder: open_store(f"sqlite:///{folder}/s.db", codec=CODEC).session("s"),
    "store by engine": lambda folder: open_store(
        f"sqlite+aiosqlite:///{folder}/s.db", create_tables=True, codec=CODEC
    ).session("s"),
    "session of a store": lambda folder: open_store(f"sqlite:///{folder}/s.db").session("s", codec=CODEC),
    "encrypted": lambda folder: EncryptedSession(
        "s", SQLiteSession("s", folder / "s.db", codec=CODEC), generate_key(), ttl=None
    ),
}


# Fails without: `codec=codec` in any of the constructors; handle.py, `codec`
@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())
async def test_what_was_put_in_comes_back(make: Callable[[Path], LogSession], tmp_path: Path) -> None:
    session = make(tmp_path)

    await session.add_items(ITEMS, idempotency_key="k")
    await session.add_items(ITEMS, idempotency_key="k")  # Sets may be in another order; they are the same items.
    with pytest.raises(IdempotencyKeyReusedError):
        await session.add_items([{**ITEMS[0], "at": "2026-01-02T00:00:00+00:00"}], idempotency_key="k")

    found = await session.get_items()
    assert found == ITEMS
    assert type(found[0]["role"]) is Role
    assert await session.undo() == ITEMS[2:]
    assert [turn.items for turn in await session.turns()] == [ITEMS[:2]]
    assert await session.pop_item() == ITEMS[1]
    assert await session.on_branch("main").get_items() == ITEMS[:1]


async def test_repair_writes_with_the_codec(tmp_path: Path) -> None:
    """Fails without: log/context/repair.py, `conversation.codec` (as JSON)."""
    session = SQLiteSession("s", tmp_path / "s.db", codec=CODEC)
    call = {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"}
    await session.add_items([call, *ITEMS])
    assert (await session.repair(apply=True)).repaired
    assert (await session.get_items())[2:] == ITEMS


async def test_what_cannot_be_kept_is_refused_and_nothing_is_added(tmp_path: Path) -> None:
    session = SQLiteSession("user_123", tmp_path / "s.db", codec=PlusCodec())

    with pytest.raises(InvalidItemError) as caught:
        await session.add_items([*ITEMS[2:], {"order": ITEMS[1]["order"]}])

    assert str(caught.value).startswith("session 'user_123': items[1]['order'] is of type Order, which")
    assert str(caught.value).endswith("list it: PlusCodec(types=[…, Order]). Nothing was added.")
    assert await session.get_items() == []


async def test_an_item_with_a_class_that_is_not_listed_any_more_stays(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = url.replace("sqlite+aiosqlite", "sqlite")
    async with open_store(url, create_tables=True, codec=CODEC) as store:
        session = store.session("s")
        await session.add_items([ITEMS[2], ITEMS[1]])
        poorer, strict = (store.session("s", codec=PlusCodec(), strict=strict) for strict in (False, True))

        with caplog.at_level(logging.WARNING):
            assert await poorer.get_items() == ITEMS[2:]
        with pytest.raises(UndecodableItemError, match="positions 2"):
            await strict.get_items()
        with pytest.raises(UndecodableItemError, match="positions 2"):
            await strict.pop_item()

        assert "positions 2 cannot be read" in caplog.text
        assert await session.get_items() == [ITEMS[2], ITEMS[1]]
        assert await poorer.pop_item() == ITEMS[2]
        assert await session.get_items() == [ITEMS[1]]
        assert await session.pop_item() == ITEMS[1]


async def test_the_codec_may_be_changed_where_items_are_plain(tmp_path: Path) -> None:
    items: list[dict[str, Any]] = [{"role": "user", "content": "~", "schema": {"$ref": "#/$defs/a"}}]
    plain, plus = (SQLiteSession("s", tmp_path / "s.db", codec=codec) for codec in (JSONCodec(), PlusCodec()))

    await plain.add_items(items)
    await plus.add_items(items)

    assert await plain.get_items() == await plus.get_items() == items * 2


@pytest.mark.parametrize("codec", [PlusCodec, "plus", object(), [Order]], ids=["class", "str", "object", "list"])
def test_what_is_no_codec_is_refused(codec: Any) -> None:
    with pytest.raises(TypeError, match="codec must be a codec"):
        SQLiteSession("s", codec=codec)


_KEY_OF_TENANT: ContextVar[int] = ContextVar("key of tenant")


class _TenantsCodec(JSONCodec):
    """Hides items by a key that belongs to the caller's request."""

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        return [self._masked(payload) for payload in super().encode_all(items)]

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        return [self.decode(payload) for payload in payloads]

    def decode(self, payload: bytes) -> Any:
        return super().decode(self._masked(bytes.fromhex(payload.decode())) if payload[:1] != b"{" else payload)

    def _masked(self, payload: bytes) -> bytes:
        masked = bytes(byte ^ _KEY_OF_TENANT.get() for byte in payload)
        return masked if masked.startswith(b"{") else masked.hex().encode()


@pytest.mark.parametrize("count", [3, 5000], ids=["brief", "long"])
@pytest.mark.parametrize("url", ["sqlite:///{}/s.db", "sqlite://", "sqlite+aiosqlite:///{}/s.db"])
async def test_a_codec_is_called_in_the_context_of_its_caller(tmp_path: Path, url: str, count: int) -> None:
    """Of several callers at once, each has its own.

    Fails without: db/jobs.py, `self.context.run`; db/sqlite/transaction.py, `copy_context`.
    """
    async with open_store(url.format(tmp_path), create_tables=True, codec=_TenantsCodec()) as store:

        async def use(key: int) -> None:
            _KEY_OF_TENANT.set(key)
            session = store.session(f"of {key}")
            items = [{"role": "user", "content": f"{key} {number}"} for number in range(count)]
            await session.add_items(items)
            assert await session.get_items() == items
            assert await session.pop_item() == items[-1]

        await asyncio.gather(*(use(key) for key in (1, 2, 3, 4)))

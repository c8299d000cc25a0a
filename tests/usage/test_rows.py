"""Rows of usage and entries as tables, and usage by owner, session and author."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd  # type: ignore[import-untyped]
import pytest

from sessions import Entry, Price, Usage, UsageRow, open_store, text_of
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions import Store

PRICES = {"large": Price(input=2, output=8)}


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with open_store(url, create_tables=True) as opened:
        for number, owner in enumerate([None, "ann", ("acme", "ann"), ("acme", "bob"), "acme"], 1):
            session = opened.session(f"s{number}", owner=owner or DEFAULT)
            await session.usage.record(input_tokens=10**number, output_tokens=1, model="large")
            await session.as_author("clerk").usage.record(input_tokens=5 * 10**number, model="local")
        yield opened


async def test_a_list_of_rows_is_a_table(store: Store) -> None:
    """Fails without: types/usage.py, `UsageRow` with flat fields."""
    rows = await store.usage("session", "model", prices=PRICES)
    table = pd.DataFrame(rows)
    assert list(table["session"].unique()) == ["s1", "s2", "s3", "s4", "s5"]
    assert pd.api.types.is_float_dtype(table["cost"])
    assert pd.api.types.is_integer_dtype(table["total_tokens"])
    assert (table["total_tokens"] == table["input_tokens"] + table["output_tokens"]).all()
    assert table["cost"].count() == 5
    assert table["cost"].sum() == pytest.approx((111_110 * 2 + 5 * 8) / 1_000_000)
    first = rows[0]
    assert first == UsageRow(first.usage, session="s1", model="large")
    assert first.usage == Usage(1, 10, output_tokens=1, cost=Decimal("0.000028"))


async def test_entries_are_a_table(store: Store) -> None:
    session = store.session("talk")
    await session.add_items([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])
    table = pd.DataFrame(await session.entries())
    assert list(table["kind"]) == ["user", "assistant"]
    assert list(table["item"].map(text_of)) == ["a", "b"]
    sessions = pd.DataFrame(await store.sessions(order="created"))
    assert list(sessions["session_id"]) == ["talk", "s5", "s4", "s3", "s2", "s1"]


async def test_usage_of_owners_sessions_and_authors(store: Store) -> None:
    async def tokens(*keys: str, **filters: Any) -> list[tuple[Any, ...]]:
        rows = await store.usage(*keys, **filters)
        return [(*(getattr(row, key) for key in keys), row.input_tokens) for row in rows]

    assert await tokens(owner="ann") == [(600,)]
    assert await tokens(below="acme") == [(666_000,)]
    assert await tokens("owner", below=("acme",)) == [
        ("acme", 600_000),
        (("acme", "ann"), 6_000),
        (("acme", "bob"), 60_000),
    ]
    assert (await tokens("owner"))[0] == (None, 60)
    assert await tokens("model", session="s2") == [("large", 100), ("local", 500)]
    assert await tokens("session", author="clerk", below=("acme", "bob")) == [("s4", 50_000)]
    assert await tokens("author", session="s1") == [(None, 10), ("clerk", 50)]
    usage = store.session("s1").usage
    assert (await usage.total(author="clerk")).input_tokens == 50
    assert [(row.author, row.total_tokens) for row in await usage.by("author")] == [(None, 11), ("clerk", 50)]
    assert [row.input_tokens for row in await usage.by("branch", author="clerk")] == [50]


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"owner": "a", "below": "a"}, ValueError),
        ({"owner": 1}, TypeError),
        ({"session": ""}, ValueError),
        ({"author": "a\0"}, ValueError),
        ({"author": 1}, TypeError),
    ],
)
async def test_filters_that_mean_nothing_are_refused(
    store: Store, filters: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await store.usage(**filters)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"role": "user", "content": "a"}, "a"),
        ({"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image"}, "b"]}, "a\nb"),
        ({"type": "function_call", "name": "f", "call_id": "1", "arguments": "{}"}, ""),
        ({}, ""),
    ],
)
def test_the_text_of_an_item(item: Any, text: str) -> None:
    assert text_of(item) == text


def test_the_text_of_no_item_is_refused() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    entry = Entry("1", None, 1, 1, "user", None, None, when, None, {"role": "user", "content": "a"})
    for wrong, remedy in ((entry, "Pass entry.item"), (None, "Pass a dictionary"), ("a", "Pass a dictionary")):
        with pytest.raises(TypeError, match=f"text_of needs an item, not {type(wrong).__name__}.*{remedy}"):
            text_of(wrong)


async def test_keys_in_a_list_are_refused(store: Store) -> None:
    keys: Any = ["model", "day"]
    with pytest.raises(TypeError, match="one by one"):
        await store.usage(keys)
    with pytest.raises(TypeError, match="one by one"):
        await store.session("s").usage.by(keys)

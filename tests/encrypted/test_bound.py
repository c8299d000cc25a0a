"""SQLite writes what a payload is bound to byte for byte as we do, and reads encrypted sessions by that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessions import EncryptedSession, SQLiteSession, generate_key
from sessions.log.encryption.associated_data import associated_data
from sessions.log.encryption.payloads import EncryptedPayloads
from sessions.log.statements.entries import MAX_JOINED, PAGE
from sessions.testing.tree_model import item
from tests.sqlite_store.inside import trace

if TYPE_CHECKING:
    from pathlib import Path

_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_TEXTS = st.text()
_EVERY_CONTROL = "".join(map(chr, [*range(0x20), 0x7F, 0x80, 0x2028, 0xFFFF])) + '/\\"'


@given(
    st.tuples(
        _INTEGERS,
        _INTEGERS,
        _INTEGERS,
        _TEXTS,
        _TEXTS | st.none(),
        _TEXTS | st.none(),
        _INTEGERS,
        _INTEGERS,
        _TEXTS | st.none(),
    )
)
@example((1, 2, 3, _EVERY_CONTROL, "", None, 4, 5, None))
def test_sqlite_writes_the_same(columns: tuple[Any, ...]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        ((written,),) = connection.execute("select cast(json_array(?, ?, ?, ?, ?, ?, ?, ?, ?) as blob)", columns)
    assert written == associated_data(columns)


# Fails without: log/statements/entries.py, `group_concat(size - :overhead, :cut)`
@pytest.mark.parametrize("hide", [False, True])
async def test_a_page_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hide: bool) -> None:
    plain = SQLiteSession("s", tmp_path / "s.db")
    session = EncryptedSession("s", plain, generate_key(), ttl=None, hide_tool_names=hide)
    items = [item("u1"), {"type": "function_call", "name": "Zoë's\n\x1b", "call_id": "1", "arguments": "{}"}]
    await session.add_items(items)
    statements = await trace(plain)
    monkeypatch.setattr(EncryptedPayloads, "open", None)

    assert await session.get_items() == items
    assert ["json_array" in text for text in statements if "payload" in text] == [True]


# Fails without: log/context/view.py, `return _one_by_one(tx, reader, page, undecodable)`
@pytest.mark.parametrize("hide", [False, True])
async def test_large_payloads_are_fetched_by_themselves(tmp_path: Path, *, hide: bool) -> None:
    plain = SQLiteSession("s", tmp_path / "s.db")
    session = EncryptedSession("s", plain, generate_key(), ttl=None, hide_tool_names=hide)
    many = [item(f"u{number}") for number in range(PAGE)]
    large = item("u" + "x" * MAX_JOINED)
    await session.add_items([large, *many, *many, large, item("last")])

    assert await session.get_items() == [large, *many, *many, large, item("last")]
    assert await session.get_items(2) == [large, item("last")]


async def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    """There SQLite cannot join payloads: text is not what they are written in."""
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        connection.execute("pragma encoding = 'UTF-16'")
        connection.execute("create table theirs (id integer)")
    session = EncryptedSession("s", SQLiteSession("s", tmp_path / "s.db"), generate_key(), ttl=None)
    many = [item(f"u{number} é😀") for number in range(PAGE + 1)]
    await session.add_items(many)

    assert await session.get_items() == many

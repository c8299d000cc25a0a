"""Rows of the SDK's that cannot be read are kept and reported, count in no limit, and hide no other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from sessions import UndecodableItemError

from .sdk import NEW, execute, taken_over, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]

FIRST: list[Any] = [{"role": "user", "content": "first"}]
LAST: list[Any] = [{"role": "assistant", "content": "last"}]
CANARY = "canary-77aa"
DAMAGED = {
    "cut off": f'{{"role": "user", "content": "{CANARY}',
    "empty": "",
    "no object": f'["{CANARY}"]',
    "no JSON": CANARY,
    "no UTF-8 in a blob": b"\xff\xfe\xfd" + CANARY.encode(),
    "nested too deeply": '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
}


async def with_damaged_row(path: Path, data: object) -> None:
    await write(path, FIRST)
    execute(path, "insert into agent_messages (session_id, message_data) values ('u', ?)", data)
    await write(path, LAST)


# Fails without: log/adopt/messages.py, `items.append(None)`; log/context/view.py,
# `undecodable.append(position_of(row[0]))`
@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
async def test_a_damaged_row_hides_no_other(
    path: Path, ours: Ours, caplog: pytest.LogCaptureFixture, data: str | bytes
) -> None:
    await with_damaged_row(path, data)

    for limit, expected in ((None, FIRST + LAST), (1, LAST), (2, FIRST + LAST)):
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            assert await ours().get_items(limit) == expected
        warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        if limit != 1:
            assert warnings == ["session 'u': the stored items at positions 2 cannot be read and are skipped"]
        assert CANARY not in caplog.text
    assert taken_over(path) == 3
    with pytest.raises(UndecodableItemError, match="positions 2 cannot be read"):
        await ours(strict=True).get_items()
    payload = execute(path, "select payload from agent_log_entries where id % 268435456 = 2")[0][0]
    assert payload == (data if isinstance(data, bytes) else data.encode())


# Fails without: log/adopt/sdk_tables.py, `"cast({} as blob)"`
async def test_text_that_is_not_utf8_hides_no_other(path: Path, ours: Ours) -> None:
    await write(path, FIRST)
    execute(path, "insert into agent_messages (session_id, message_data) values ('u', cast(x'7bff7d' as text))")
    await write(path, LAST)

    assert await ours().get_items() == FIRST + LAST
    assert await ours().pop_item() == LAST[0]
    assert await ours().pop_item() == FIRST[0]
    assert await ours().pop_item() is None
    assert taken_over(path) == 1


async def test_a_missing_payload_hides_no_other(path: Path, ours: Ours) -> None:
    """Tables that were moved from elsewhere may lack the SDK's constraints."""
    execute(path, "create table agent_messages (id integer primary key, session_id, message_data, created_at)")
    execute(path, "insert into agent_messages values (1, 'u', null, null), (2, 'u', 3, 4), (3, 'u', '{}', 1.5)")

    assert await ours().get_items() == [{}]
    assert taken_over(path) == 3


async def test_a_surrogate_in_the_name_of_a_tool_does_no_harm(path: Path, ours: Ours) -> None:
    items: list[Any] = [{"type": "function_call", "call_id": "c\ud800", "name": "\ud800", "arguments": "\udfff"}]
    await write(path, items)

    assert await ours().get_items() == items
    await ours().add_items(NEW)
    assert await ours().get_items() == items + NEW

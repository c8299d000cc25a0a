"""Which part of a conversation is summarised."""

from __future__ import annotations

import pytest

from sessions.log.context.annotations import Covering
from sessions.log.context.older import older_part
from sessions.log.context.walker import Shown
from sessions.log.words import EntryRow

ROW = EntryRow(9, 1, 0, "user", None, None, 0, None, None, b"")


def shown(texts: str) -> list[Shown]:
    """What models are shown: "u", "a" and "s" for who speaks; what begins with a number is of the summary of it."""
    summaries = {name: Covering(9, 1, 8, [], 0, [], [], ROW) for name in "12"}
    roles = {"u": "user", "a": "assistant", "s": "system"}
    return [Shown({"role": roles[text[-1]], "content": ""}, ROW, summaries.get(text[0])) for text in texts.split()]


@pytest.mark.parametrize(
    ("texts", "keep_turns", "keep_items", "expected"),
    [
        ("", 1, None, ""),
        ("u a", 1, None, ""),
        # Fails without: log/context/older.py, `while end > start and`
        ("u s", 1, None, ""),
        ("s u s", 1, None, ""),
        ("u a u a", 1, None, "u a"),
        ("u a u a", 2, None, ""),
        ("u a u a", 3, None, ""),
        ("u a u a", 0, None, "u a u a"),
        ("s s u a u a", 1, None, "u a"),
        ("u a s s u a", 1, None, "u a"),
        ("a u a s u", 1, None, "a u a"),
        ("s", 0, None, ""),
        ("u a u a", 1, 1, "u a u"),
        ("u a u a", 1, 4, ""),
        ("u a", 1, 5, ""),
        # A summary's message begins no turn, and its instructions are none.
        ("1u u a u", 1, None, "1u u a"),
        ("1u u", 1, None, ""),
        ("1s u a u", 1, None, "1s u a"),
        ("1u", 0, None, ""),
        ("s 1u", 0, None, ""),
        ("1u 2u", 0, None, "1u 2u"),
        ("1u 1a u", 1, 1, ""),
        ("1u 1a u a", 1, 1, "1u 1a u"),
        # A summary is taken whole.
        ("u 1u 1a u", 1, 2, "u"),
    ],
)
def test_the_older_part(texts: str, keep_turns: int, keep_items: int | None, expected: str) -> None:
    items = shown(texts)
    start, end = older_part(items, keep_turns, keep_items)
    assert 0 <= start <= end <= len(items)
    assert " ".join(texts.split()[start:end]) == expected

"""`token_counter`, with an encoding of single bytes: tiktoken's own are fetched over the network."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest
import tiktoken

from sessions import SQLiteSession
from sessions.tokens import token_counter

BYTES = tiktoken.Encoding(
    "bytes",
    pat_str=r"(?s).+",
    mergeable_ranks={bytes([number]): number for number in range(256)},
    special_tokens={"<|endoftext|>": 256},
)


async def test_a_window_of_tokens() -> None:
    """Fails without: tokens.py, `encode_ordinary` (`encode` refuses what looks like a special token)."""
    session = SQLiteSession("s")
    first, second = ({"role": "user", "content": text} for text in ("Oslo<|endoftext|>?", "Tromsø?"))
    await session.add_items([first, second])
    count = token_counter(BYTES)
    assert count(second) == len('{"role":"user","content":"Tromsø?"}'.encode())
    assert await session.window(tokens=count(second), counter=count) == [second]
    assert await session.window(tokens=count(first) + count(second), counter=count) == [first, second]
    session.close()


def test_what_json_does_not_have_counts_too() -> None:
    assert token_counter(BYTES)({"at": datetime(2026, 1, 1, tzinfo=UTC)}) > 20


def test_a_model_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match=r"no model 'gpt-none'; give one of its encodings"):
        token_counter("gpt-none")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ImportError, match=r"pip install 'agent-sessions\[tiktoken\]'"):
        token_counter(BYTES)

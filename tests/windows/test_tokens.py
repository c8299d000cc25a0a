"""`token_counter`, with an encoding of single bytes: tiktoken's own are fetched over the network."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest
import tiktoken

from sessions import CounterError, SQLiteSession, Window
from sessions.items.tokens import token_counter

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
    with pytest.raises(ValueError, match=r"no model 'gpt-none'. .* one of its encodings"):
        token_counter("gpt-none")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ImportError, match=r"pip install 'agent-session-store\[tiktoken\]'"):
        token_counter(BYTES)


async def test_an_item_with_which_tiktoken_panics() -> None:
    """As version 0.9 does with a million letters in a row.

    Fails without: tokens.py, `except BaseException`.
    """

    class PanicError(BaseException):
        pass

    PanicError.__module__ = "pyo3_runtime"

    class Panicking:
        def encode_ordinary(self, text: str) -> list[int]:
            if "A" * 1000 in text:
                raise PanicError("called `Result::unwrap()` on an `Err` value")
            if "interrupted" in text:
                raise KeyboardInterrupt
            return [0] * len(text)

    encoding: Any = Panicking()
    count = token_counter(encoding)
    session = SQLiteSession("s", session_settings={"window": Window(tokens=100, counter=count)})
    await session.add_items([{"role": "user", "content": "A" * 1000}])
    with pytest.raises(CounterError, match=r"tiktoken cannot count an item of 1028 characters \(PanicError\)"):
        await session.get_items()
    await session.clear_session()
    await session.add_items([{"role": "user", "content": "Oslo?"}])
    assert len(await session.get_items()) == 1
    with pytest.raises(KeyboardInterrupt):
        count({"role": "user", "content": "interrupted"})
    session.close()

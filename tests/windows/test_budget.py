"""What a window may be asked for, and what a counter of tokens may return."""

from __future__ import annotations

from typing import Any

import pytest

from sessions.errors import CounterError, SessionsError
from sessions.items.window import Window
from sessions.items.window_builder import cut

HISTORY = [{"role": "user", "content": "secret"}, {"role": "assistant", "content": "secret"}]


@pytest.mark.parametrize("name", ["items", "turns", "tokens"])
@pytest.mark.parametrize(("bound", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError), (True, TypeError)])
def test_a_bound_is_an_integer_from_1(name: str, bound: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^{name} must be"):
        Window(**{"counter": len if name == "tokens" else None, name: bound})


@pytest.mark.parametrize("arguments", [{"tokens": 10}, {"counter": len}, {"items": 3, "counter": len}])
def test_tokens_need_a_counter_and_a_counter_needs_tokens(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="tokens and counter must be given together"):
        Window(**arguments)


def test_a_counter_is_a_function() -> None:
    counter: Any = "cl100k_base"
    with pytest.raises(TypeError, match="counter must be a function of one item, not str"):
        Window(tokens=10, counter=counter)


@pytest.mark.parametrize(
    ("counted", "message"),
    [
        (1.5, "must return an integer, not float"),
        (None, "must return an integer, not NoneType"),
        (True, "must return an integer, not bool"),
        ("7", "must return an integer, not str"),
        (-1, "must return 0 or more, not -1"),
    ],
)
def test_a_counter_that_returns_no_number(counted: Any, message: str) -> None:
    with pytest.raises(CounterError, match=message) as caught:
        cut(HISTORY, Window(tokens=10, counter=lambda _: counted))
    assert isinstance(caught.value, (ValueError, SessionsError))


def test_a_counter_that_raises_is_named_without_what_it_was_given() -> None:
    def counter(item: dict[str, Any]) -> int:
        return int(item["content"])

    with pytest.raises(CounterError, match=r"^the token counter raised ValueError\.") as caught:
        cut(HISTORY, Window(tokens=10, counter=counter))
    assert isinstance(caught.value.__cause__, ValueError)


def test_every_bound_holds() -> None:
    def counter(_: Any) -> int:
        return 1

    history = HISTORY * 5
    assert len(cut(history, Window())) == 10
    assert len(cut(history, Window(items=6))) == 6
    assert len(cut(history, Window(items=7))) == 6
    assert len(cut(history, Window(items=6, turns=2))) == 4
    assert len(cut(history, Window(items=6, turns=2, tokens=3, counter=counter))) == 2


def test_of_a_turn_that_is_too_long_its_message_and_its_latest_rounds_are_given() -> None:
    rounds = [
        item
        for number in "abc"
        for item in (
            {"role": "assistant", "tool_calls": [{"id": number, "function": {}}]},
            {"role": "tool", "tool_call_id": number, "content": "."},
        )
    ]
    history = [*HISTORY, HISTORY[0], *rounds]
    assert cut(history, Window(items=7)) == history[2:]
    assert cut(history, Window(items=6)) == [HISTORY[0], *rounds[2:]]
    assert cut(history, Window(items=4)) == [HISTORY[0], *rounds[4:]]
    assert cut(history, Window(items=2)) == [HISTORY[0]]
    assert cut(history, Window(tokens=6, counter=lambda item: 7 if item["role"] == "user" else 1)) == []


def test_the_same_window_with_fewer_items() -> None:
    window = Window(items=10, tokens=5, counter=len)
    assert window.within(3) == Window(items=3, tokens=5, counter=len)
    assert window.within(30) == window
    assert Window(turns=2).within(3) == Window(items=3, turns=2)

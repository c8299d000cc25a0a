"""Windows of generated conversations, compared with the longest suffix that is accepted, found by trying them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.items.window import Window
from sessions.items.window_builder import Cut, cut

from .conversations import REFUSED_BY, Item, Part, conversations
from .validator import torn_from_reasoning

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = pytest.mark.parametrize("shape", ["chat", "responses"])
DATA = st.data()


def tokens(item: Item) -> int:
    return int(item["number"]) % 4


WINDOWS = st.builds(
    lambda items, turns, budget: Window(items, turns, budget, tokens if budget else None),
    st.none() | st.integers(1, 20),
    st.none() | st.integers(1, 5),
    st.none() | st.integers(1, 30),
)


def drawn(data: st.DataObject, shape: str, *, damaged: bool = True) -> tuple[list[Item], list[Item]]:
    """A conversation, and what of it providers accept."""
    parts: list[Part] = data.draw(conversations(shape, damaged=damaged))
    return [item for part in parts for item in part.items], [item for part in parts for item in part.sound]


def users(items: list[Item]) -> list[int]:
    return [number for number, item in enumerate(items) if item.get("role") == "user"]


def is_within(items: list[Item], window: Window) -> bool:
    sizes = (len(items), window.items), (len(users(items)), window.turns), (sum(map(tokens, items)), window.tokens)
    return all(bound is None or size <= bound for size, bound in sizes)


def candidates(sound: list[Item]) -> Iterator[list[Item]]:
    """What a window may be, the best first: a suffix with a turn, or else the last message and a suffix of its turn."""
    yield from (sound[start:] for start in range(len(sound) + 1) if users(sound[start:]) or not users(sound))
    for message in users(sound)[-1:]:
        yield from ([sound[message], *sound[start:]] for start in range(message + 1, len(sound) + 1))
    yield []


@SHAPES
@settings(max_examples=500)
@given(data=DATA, window=WINDOWS)
def test_a_window_is_the_longest_that_is_accepted(shape: str, data: st.DataObject, window: Window) -> None:
    items, sound = drawn(data, shape)

    assert cut(items, window) == next(
        part
        for part in candidates(sound)
        if not REFUSED_BY[shape](part) and not torn_from_reasoning(sound, part) and is_within(part, window)
    )


@SHAPES
@given(data=DATA)
def test_what_is_accepted_needs_no_cut(shape: str, data: st.DataObject) -> None:
    items, sound = drawn(data, shape, damaged=False)

    assert items == sound
    assert REFUSED_BY[shape](items) == []
    assert cut(items, Window()) == items


@SHAPES
@given(data=DATA, window=WINDOWS, length=st.integers(1, 7))
def test_a_window_is_the_same_however_it_is_read(shape: str, data: st.DataObject, window: Window, length: int) -> None:
    items, _ = drawn(data, shape)
    made = Cut(window)
    backward = items[::-1]
    for start in range(0, len(backward), length):
        if made.full:
            break
        made.add(backward[start : start + length])

    assert made.items() == cut(items, window)


@given(st.lists(st.sampled_from(["user", "system", "assistant", "call", "output", "tool", "reasoning"]), max_size=12))
def test_any_order_of_items_gives_a_window_that_is_accepted(order: list[str]) -> None:
    """Every call and output has the same id, so that much of it looks as if it went together."""
    made = {
        "call": {"type": "function_call", "call_id": "c"},
        "output": {"type": "function_call_output", "call_id": "c"},
        "reasoning": {"type": "reasoning"},
        "tool": {"type": "custom_tool_call", "call_id": "c"},
    }
    items = [{**made.get(word, {"type": "message", "role": word}), "number": n} for n, word in enumerate(order)]

    window = cut(items, Window())

    assert REFUSED_BY["responses"](window) == []
    assert torn_from_reasoning(items, window) == []
    assert [item for item in items if item in window] == window


def pages(items: list[Item], read: list[Item]) -> Iterator[list[Item]]:
    for item in reversed(items):
        read.append(item)
        yield [item]


TURN = [{"role": "user"}, {"role": "assistant"}]
LONG_TURN = [{"role": "user"}, *[{"role": "assistant"}] * 50_000]


@pytest.mark.parametrize(
    ("history", "window", "at_most"),
    [
        pytest.param(TURN * 50_000, Window(items=20), 20, id="items"),
        pytest.param(TURN * 50_000, Window(items=21), 22, id="items that end in a turn"),
        pytest.param(TURN * 50_000, Window(turns=10), 22, id="turns"),
        pytest.param(TURN * 50_000, Window(tokens=20, counter=lambda _: 1), 22, id="tokens"),
        pytest.param(LONG_TURN + TURN, Window(items=20), 22, id="before a long turn"),
        pytest.param(LONG_TURN + TURN, Window(turns=1), 4, id="before a long turn, by turns"),
    ],
)
def test_a_window_needs_not_the_whole_history(history: list[Item], window: Window, at_most: int) -> None:
    read: list[Item] = []
    made = Cut(window)
    for page in pages(history, read):
        made.add(page)
        if made.full:
            break

    assert len(read) <= at_most
    assert made.items() == cut(history, window)


def test_of_a_turn_that_is_too_long_only_its_message_is_still_wanted() -> None:
    history = TURN + LONG_TURN
    counted: list[Item] = []

    def one_token(item: Item) -> int:
        counted.append(item)
        return 1

    made = Cut(Window(tokens=20, counter=one_token))
    made.add(reversed(history[-22:]))
    assert made.skipping
    assert not made.full

    made.add([*LONG_TURN[:-21:-1], LONG_TURN[0]])
    assert made.full
    assert made.items() == [LONG_TURN[0], *LONG_TURN[-19:]]
    assert len(counted) == 22

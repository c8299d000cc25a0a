"""All recorded runs: what a crash leaves after any item, cut by any window or repaired, is what providers accept."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from sessions.items.repair import repair_items
from sessions.items.window import Window
from sessions.items.window_builder import cut
from sessions.log.context.older import older_part
from sessions.log.context.walker import Shown
from sessions.log.words import EntryRow

from .conversations import REFUSED_BY, Item, as_responses, load_runs, prefixes
from .validator import torn_from_reasoning


def tokens(item: Item) -> int:
    return len(json.dumps(item)) // 4


WINDOWS = [
    Window(),
    *(Window(items=number) for number in range(1, 40)),
    *(Window(turns=number) for number in range(1, 12)),
    *(Window(tokens=number, counter=tokens) for number in (1, 50, 200, 500, 1000, 1500, 2000, 3000, 5000, 10_000)),
    Window(items=10, turns=2, tokens=1500, counter=tokens),
]


@pytest.fixture(scope="module", params=["chat", "responses"])
def runs(request: pytest.FixtureRequest) -> tuple[str, list[list[Item]]]:
    chat = load_runs()
    return request.param, chat if request.param == "chat" else [as_responses(run) for run in chat]


def test_the_recordings_are_what_providers_accept(runs: tuple[str, list[list[Item]]]) -> None:
    """Or what is said of what is cut from them would say nothing."""
    shape, all_runs = runs
    assert len(all_runs) == 200
    for run in all_runs:
        assert REFUSED_BY[shape](run) == []
        assert cut(run, Window()) == run


def test_any_window_of_what_any_crash_leaves_is_accepted(runs: tuple[str, list[list[Item]]]) -> None:
    """Each run meets each window; which of them meet at which crash is a fixed choice, or it would take minutes."""
    shape, all_runs = runs
    torn = 0
    for run in all_runs:
        for end, left in enumerate(prefixes(run)):
            torn += bool(REFUSED_BY[shape](left))
            for window in WINDOWS[end % 12 :: 12]:
                given = cut(left, window)
                assert REFUSED_BY[shape](given) == []
                assert torn_from_reasoning(left, given) == []
                assert is_within(given, window)
    assert torn > 1000, "no crash left what providers refuse"


def is_within(items: list[Item], window: Window) -> bool:
    sizes: list[tuple[int, Any]] = [
        (len(items), window.items),
        (sum(item.get("role") == "user" for item in items), window.turns),
        (sum(map(tokens, items)), window.tokens),
    ]
    return all(bound is None or size <= bound for size, bound in sizes)


def test_what_any_crash_leaves_can_be_repaired(runs: tuple[str, list[list[Item]]]) -> None:
    shape, all_runs = runs
    for run in all_runs:
        for left in prefixes(run):
            repaired, damages = repair_items(left)
            assert REFUSED_BY[shape](repaired) == []
            assert bool(damages) == bool(REFUSED_BY[shape](left))
            # A crash leaves nothing that must go but reasoning: what came of it was not written any more.
            assert [item for item in left if item in repaired] == [
                item for number, item in enumerate(left) if ("lone_reasoning", number) not in kinds(damages)
            ]


def kinds(damages: list[Any]) -> set[tuple[str, int]]:
    return {(damage.kind, damage.position) for damage in damages}


def test_a_window_of_turns_holds_the_last_turns(runs: tuple[str, list[list[Item]]]) -> None:
    _, all_runs = runs
    for run in all_runs:
        users = [number for number, item in enumerate(run) if item.get("role") == "user"]
        for turns in range(1, len(users)):
            assert cut(run, Window(turns=turns)) == run[users[-turns] :]


def test_what_is_left_of_any_run_that_is_summarised_is_accepted(runs: tuple[str, list[list[Item]]]) -> None:
    """Whatever is to be kept, and wherever the run was interrupted; the summary is a message, as of a text."""
    shape, all_runs = runs
    summary = {"role": "user", "content": "What was said before."}
    ended_in_turns = 0
    for run in all_runs:
        for left in islice(prefixes(run), 0, None, 5):
            shown = [Shown(item, EntryRow(0, 1, 0, "user", None, None, 0, None, None, b"")) for item in left]
            for turns, items in ((0, None), (1, None), (2, None), (1, 1), (1, 2), (1, 3), (1, 7), (1, 20)):
                start, end = older_part(shown, turns, items)
                kept = [*left[:start], summary, *left[end:]] if end > start else left
                assert len(REFUSED_BY[shape](kept)) <= len(REFUSED_BY[shape](left))
                assert REFUSED_BY[shape](cut(kept, Window())) == []
                assert torn_from_reasoning(left, left[end:]) == []
                ended_in_turns += start < end < len(left) and left[end].get("role") != "user"
    assert ended_in_turns > 1000, "no turn was divided"

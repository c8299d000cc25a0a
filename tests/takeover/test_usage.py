"""What the SDK's `AdvancedSQLiteSession` recorded as spent goes on with its turns and branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import AdvancedSQLiteSession
from tests.advanced.beside import comparable
from tests.advanced.results import result

from .sdk import execute, foreign_content, sdk_session
from .test_branches_and_turns import turn, user

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN_TURNS = {"main": (1, 2, 3), "wide": (2, 3), "deep": (4,), "anew": (1,)}
"""The turns of each branch that something was recorded of there."""


@pytest.fixture
def session(path: Path) -> Iterator[AdvancedSQLiteSession]:
    opened = AdvancedSQLiteSession(session_id="u", db_path=path)
    yield opened
    opened.close()


async def write_spent(path: Path) -> dict[str, Any]:
    """Write branches with usage, each amount another power of two; return what the SDK reads."""
    async with sdk_session("AdvancedSQLiteSession", path) as theirs:
        await theirs.add_items([{"role": "system", "content": "rules"}])
        for number, name in enumerate("abc"):
            await theirs.add_items(turn(name))
            await theirs.store_run_usage(result(32 << number, requests=number + 1))
        await theirs.create_branch_from_turn(3, "wide")
        # Nothing was added yet: it goes to turn 2, which is inherited.
        await theirs.store_run_usage(result(256))
        await theirs.add_items(turn("x"))
        await theirs.store_run_usage(result(512))
        await theirs.create_branch_from_turn(3, "gone")
        await theirs.add_items(turn("p"))
        await theirs.store_run_usage(result(1024))
        await theirs.switch_to_branch("wide")
        await theirs.add_items([user("y")])
        await theirs.create_branch_from_turn(4, "deep")
        await theirs.add_items([*turn("r"), {"role": "assistant", "content": "more"}])
        await theirs.store_run_usage(result(2048))
        await theirs.delete_branch("gone")
        await theirs.create_branch_from_turn(1, "anew")
        await theirs.add_items(turn("z"))
        await theirs.store_run_usage(result(4096))
        read = {
            name: {number: await theirs.get_turn_usage(number, name) for number in numbers}
            for name, numbers in OWN_TURNS.items()
        }
        return {"turns": read, "session": await theirs.get_session_usage()}


# Fails without: log/adopt/messages.py, `put_usage(…)`; log/adopt/usage.py, `place=place` and `turn=turn`
async def test_each_turn_has_what_the_sdk_recorded_of_it(path: Path, session: AdvancedSQLiteSession) -> None:
    expected = await write_spent(path)
    before = foreign_content(path)

    found = {
        name: {number: await session.get_turn_usage(number, name) for number in numbers}
        for name, numbers in OWN_TURNS.items()
    }

    # What was recorded on `wide` before anything was added there belongs to the turn, and so to all that have it.
    inherited: Any = expected["turns"]["wide"].pop(2)
    of_wide: Any = found["wide"].pop(2)
    of_main: Any = found["main"].pop(2)
    on_main: Any = expected["turns"]["main"].pop(2)
    assert of_wide == of_main
    assert of_wide["input_tokens"] == inherited["input_tokens"] + on_main["input_tokens"] == 256 + 64
    assert comparable("", found) == comparable("", expected["turns"])
    assert foreign_content(path) == before


async def test_the_session_has_spent_as_much(path: Path, session: AdvancedSQLiteSession) -> None:
    expected = await write_spent(path)

    found = await session.get_session_usage()

    assert found is not None
    # A turn that two branches have counts once.
    assert (found.pop("total_turns"), expected["session"].pop("total_turns")) == (6, 7)
    assert found == expected["session"]
    assert found["input_tokens"] == 32 + 64 + 128 + 256 + 512 + 2048 + 4096


async def test_a_branch_has_its_inherited_turns_too(path: Path, session: AdvancedSQLiteSession) -> None:
    await write_spent(path)

    spent = {
        branch.name: [(row.turn, row.usage.input_tokens) for row in await session.usage.by("turn", branch=branch.name)]
        for branch in await session.branches.list()
    }

    assert spent == {
        "main": [(1, 32), (2, 64 + 256), (3, 128)],
        "wide": [(1, 32), (2, 64 + 256), (3, 512)],
        "deep": [(1, 32), (2, 64 + 256), (3, 512), (4, 2048)],
        "anew": [(1, 4096)],
    }


async def test_it_goes_on_from_there(path: Path, session: AdvancedSQLiteSession) -> None:
    await write_spent(path)
    await session.store_run_usage(result(10))
    await session.branches.delete("anew")
    await session.add_items(turn("d"))
    await session.store_run_usage(result(20))

    assert [(row.turn, row.usage.input_tokens) for row in await session.usage.by("turn", branch="main")] == [
        (1, 32),
        (2, 64 + 256),
        (3, 128 + 10),
        (4, 20),
    ]
    assert (await session.usage.total()).input_tokens == 32 + 64 + 128 + 256 + 512 + 2048 + 4096 + 30


async def test_times_are_taken_over(path: Path, session: AdvancedSQLiteSession) -> None:
    await write_spent(path)
    execute(path, "update turn_usage set created_at = '2024-02-' || (10 + id) || ' 12:00:00' where branch_id = 'main'")
    execute(path, "update turn_usage set created_at = 'yesterday' where branch_id <> 'main'")

    days = [row.day for row in await session.usage.by("day")]

    assert [str(day) for day in days[:3]] == ["2024-02-11", "2024-02-12", "2024-02-13"]
    assert all(day is not None and day.year > 2024 for day in days[3:])


DAMAGE = {
    "no numbers": ("update turn_usage set requests = null, input_tokens = 'many', output_tokens = 1.5", 0),
    "too large": ("update turn_usage set input_tokens = 9223372036854775807", 0),
    "below nothing": ("update turn_usage set input_tokens = -1", 0),
    "no details": ("update turn_usage set input_tokens_details = '[1', output_tokens_details = null", 7136),
    "details that are none": ("update turn_usage set input_tokens_details = '{\"cached_tokens\": [1]}'", 7136),
    "more from a cache than at all": (
        "update turn_usage set input_tokens_details = '{\"cached_tokens\": 9999999}'",
        7136,
    ),
    "no UTF-8": ("update turn_usage set input_tokens_details = cast(x'ff' as text), created_at = x'ff'", 7136),
    "turns that are none": ("update turn_usage set user_turn_number = 'no. ' || id", 7136),
    "turns that are not there": ("update turn_usage set user_turn_number = 100 + id", 7136),
    "branches that are not there": ("update turn_usage set branch_id = cast(x'ff00' as text) || id", 7136),
    "more columns": ("alter table turn_usage add column colour text default 'red'", 7136),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damaged_records_do_no_harm(path: Path, session: AdvancedSQLiteSession, damage: str) -> None:
    await write_spent(path)
    sql, tokens = DAMAGE[damage]
    execute(path, sql)

    assert (await session.usage.total()).input_tokens == tokens
    assert len(await session.branches.list()) == len(OWN_TURNS)
    for branch in OWN_TURNS:
        of_branch = await session.usage.total(branch=branch)
        assert of_branch.cached_tokens + of_branch.cache_write_tokens <= of_branch.input_tokens
        if "not there" in damage or damage == "turns that are none":
            assert of_branch.input_tokens == 0, "it belongs to the session, and to no turn of a branch"


async def test_what_another_session_spent_stays_with_it(path: Path, session: AdvancedSQLiteSession) -> None:
    await write_spent(path)
    execute(path, "update turn_usage set session_id = 'other' where branch_id = 'main'")

    assert (await session.usage.total(branch="anew")).input_tokens == 4096
    assert (await session.usage.total()).input_tokens == 7136 - 32 - 64 - 128


async def test_clearing_before_anything_else_keeps_what_was_paid(path: Path, session: AdvancedSQLiteSession) -> None:
    await write_spent(path)

    await session.clear_session()

    assert await session.get_items() == []
    assert (await session.usage.total()).input_tokens == 7136

"""Branches that the SDK's `AdvancedSQLiteSession` made: each goes on where it stood, and nothing is stored twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AdvancedSQLiteSession

from .sdk import alike, execute, foreign_content, sdk_session, taken_over

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def turn(name: str) -> list[dict[str, Any]]:
    """A turn with a call of a tool."""
    return [
        user(name),
        {"type": "function_call", "call_id": name, "name": f"tool_{name}", "arguments": "{}"},
        {"type": "function_call_output", "call_id": name, "output": "1"},
        {"role": "assistant", "content": name.upper()},
    ]


async def write_tree(path: Path, session_id: str = "u") -> dict[str, list[Any]]:
    """Write two levels of branches, one from turn 1 and one that is deleted; return what the SDK reads from each.

    `deep` was made from `gone`, which is deleted, and `main` was popped back beyond where `wide` left it.
    """
    async with sdk_session("AdvancedSQLiteSession", path, session_id) as theirs:
        await theirs.add_items([{"role": "system", "content": "rules"}])
        for name in ("a", "b", "c"):
            await theirs.add_items(turn(name))
        await theirs.create_branch_from_turn(3, "wide")
        await theirs.add_items(turn("x"))
        await theirs.create_branch_from_turn(3, "gone")
        await theirs.add_items([*turn("p"), *turn("q")])
        await theirs.create_branch_from_turn(4, "deep")
        await theirs.add_items(turn("r"))
        await theirs.delete_branch("gone")
        await theirs.create_branch_from_turn(4, "same")
        await theirs.switch_to_branch("main")
        for _ in range(5):
            await theirs.pop_item()
        await theirs.add_items([{"role": "assistant", "content": "again"}, *turn("d")])
        await theirs.create_branch_from_turn(1, "anew")
        await theirs.add_items(turn("z"))
        names = [branch["branch_id"] for branch in await theirs.list_branches()]
        return {name: await theirs.get_items(branch_id=name) for name in names}


# Fails without: log/adopt/branches.py, `source, shared = holders.find(branch.path)` and all of `arrange`
async def test_each_branch_reads_as_the_sdk_reads_it(path: Path, ours: Ours) -> None:
    expected = await write_tree(path)
    before = foreign_content(path)
    assert set(expected) == {"main", "wide", "deep", "same", "anew"}

    session = ours()
    assert alike(await session.get_items()) == alike(expected["main"]), "a new process of the SDK begins there"

    for name, items in expected.items():
        assert alike(await session.on_branch(name).get_items()) == alike(items), name
    assert foreign_content(path) == before
    messages = int(execute(path, "select count(*) from agent_messages")[0][0])
    assert taken_over(path) == messages, "an item is stored once"
    assert execute(path, "select what from agent_log_changes") == [("branched",)] * (len(expected) - 1)


async def test_turns_tools_and_times_are_those_of_the_sdk(path: Path) -> None:
    expected = await write_tree(path)
    minute = "datetime('2024-02-29 12:00', {} || ' minutes')"
    execute(path, f"update agent_messages set created_at = {minute.format('id')}")  # noqa: S608
    time = f"case branch_id when 'main' then {minute.format('message_id')} else {minute.format('id')} end"
    execute(path, f"update message_structure set created_at = {time}")  # noqa: S608
    session = AdvancedSQLiteSession(session_id="u", db_path=path)
    async with sdk_session("AdvancedSQLiteSession", path) as theirs:
        for name in expected:
            assert await session.get_conversation_by_turns(name) == await theirs.get_conversation_by_turns(name)
        assert await session.get_conversation_turns() == await theirs.get_conversation_turns()
        listed = {branch["branch_id"]: branch for branch in await theirs.list_branches()}
    for branch in await session.list_branches():
        assert branch == {**listed[branch["branch_id"]], "is_current": branch["branch_id"] == "main"}
    session.close()


async def test_branches_know_from_where_they_were_made(path: Path, ours: Ours) -> None:
    await write_tree(path)
    session = ours()

    branches = {branch.name: branch for branch in await session.branches.list()}

    assert [branch.name for branch in branches.values() if branch.current] == ["main"]
    assert {name: (branch.lineage, branch.fork_turn) for name, branch in branches.items()} == {
        "main": ((), None),
        "wide": (("main",), 2),
        # It shares with this one what main had when it was made and lost since; so did the one that is deleted.
        "deep": (("main", "wide"), 2),
        "same": (("main", "wide", "deep"), 3),
        "anew": (("main",), 0),
    }


FIRST_TOUCHES: dict[str, Callable[[SQLiteSession], Awaitable[Any]]] = {
    "branches.list": lambda session: session.branches.list(),
    "branches.switch": lambda session: session.branches.switch("wide"),
    "branches.create": lambda session: session.branches.create("mine", source="wide"),
    "branches.delete": lambda session: session.branches.delete("same"),
    "branches.compare": lambda session: session.branches.compare("main", "wide"),
    "turns": lambda session: session.turns(1),
    "get_turn": lambda session: session.get_turn(0),
    "siblings": lambda session: session.siblings(1),
    "undo": lambda session: session.undo(),
    "on_branch": lambda session: session.on_branch("deep").get_items(),
}


@pytest.mark.parametrize("touch", FIRST_TOUCHES)
async def test_whatever_touches_it_first_finds_the_branches(path: Path, ours: Ours, touch: str) -> None:
    expected = await write_tree(path)

    await FIRST_TOUCHES[touch](ours())

    assert alike(await ours().on_branch("wide").get_items()) == alike(expected["wide"])
    assert alike(await ours().on_branch("deep").get_items()) == alike(expected["deep"])


async def test_branches_that_were_taken_over_go_on_apart(path: Path, ours: Ours) -> None:
    expected = await write_tree(path)
    session = ours()
    for name in expected:
        await session.on_branch(name).add_items([user(f"new on {name}")])
        expected[name].append(user(f"new on {name}"))
    assert await session.on_branch("wide").undo() == [user("new on wide")]
    expected["wide"].pop()
    await session.branches.delete("deep")
    del expected["deep"]

    for name, items in expected.items():
        assert alike(await ours().on_branch(name).get_items()) == alike(items), name


async def test_it_is_taken_over_once(path: Path, ours: Ours) -> None:
    expected = await write_tree(path)

    await asyncio.gather(*(ours().on_branch(name).get_items() for name in expected for _ in range(3)))

    assert len(await ours().branches.list()) == len(expected)
    messages = int(execute(path, "select count(*) from agent_messages")[0][0])
    assert taken_over(path) == messages


# Fails without: log/adopt/sdk_tables.py, `is_about(tx, tables)`
async def test_branches_of_another_pair_of_tables_do_not_matter(path: Path, ours: Ours) -> None:
    """Its messages have the same ids, and here also the same session's."""
    await write_tree(path)
    async with sdk_session("SQLiteSession", path, sessions_table="talks", messages_table="lines_of_talks") as theirs:
        await theirs.add_items([user("1"), user("2"), user("3")])

    session = ours(sessions_table="talks", messages_table="lines_of_talks")

    assert await session.get_items() == [user("1"), user("2"), user("3")]
    assert [branch.name for branch in await session.branches.list()] == ["main"]


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("tab\there", "tab\ufffdhere"),
        ("\x01left", "\ufffdleft"),
        ("long" * 100, ("long" * 100)[:255]),
        ("ü" * 200, "ü" * 127),
        ("  ", "branch"),
        ("Zürich \U0001f600", "Zürich \U0001f600"),
    ],
    ids=["tab", "control character", "too long", "too many bytes", "blank", "fine"],
)
async def test_names_that_no_branch_can_have_are_made_fit(path: Path, ours: Ours, name: str, here: str) -> None:
    expected = await write_tree(path)
    execute(path, "update message_structure set branch_id = ? where branch_id = 'wide'", name)

    assert alike(await ours().on_branch(here).get_items()) == alike(expected["wide"])


async def test_names_that_come_out_the_same_stay_apart(path: Path, ours: Ours) -> None:
    expected = await write_tree(path)
    for old, new in (("wide", "\t"), ("deep", "\n"), ("same", "\ufffd"), ("anew", "x" * 255)):
        execute(path, "update message_structure set branch_id = ? where branch_id = ?", new, old)

    found = [await ours().on_branch(branch.name).get_items() for branch in await ours().branches.list()]

    assert sorted(map(alike, found)) == sorted(map(alike, expected.values()))

"""Rows of the SDK's tables of branches that are damaged, doubled or dangling hide nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .sdk import alike, execute, foreign_content, taken_over
from .test_branches_and_turns import turn, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions import SQLiteSession

    Ours = Callable[..., SQLiteSession]

PLACE = "insert into message_structure (session_id, message_id, branch_id, message_type, sequence_number, "
HARMLESS = {
    "a message that is gone": PLACE + "user_turn_number) values ('u', 99999, 'wide', 'user', 1, 1)",
    "a message that is none": PLACE + "user_turn_number) values ('u', x'00ff', 'wide', 'user', 'first', x'ff')",
    "another session's message": PLACE + "user_turn_number) values ('other', 1, 'wide', 'user', 1, 1)",
    "a row twice": PLACE + "user_turn_number) values ('u', 5, 'wide', 'user', 9999, 9)",
    "turns that are none": "update message_structure set user_turn_number = x'ff', branch_turn_number = 'last'",
    "turns without numbers": "update message_structure set user_turn_number = null",
    "times that are none": "update message_structure set created_at = cast(x'ff' as text)",
    "more columns": "alter table message_structure add column colour text default 'red'",
    "no reservations": "drop table branch_reservations",
    "no record of usage": "drop table turn_usage",
}


@pytest.mark.parametrize("damage", HARMLESS.values(), ids=HARMLESS.keys())
async def test_the_branches_are_what_they_were(path: Path, ours: Ours, damage: str) -> None:
    expected = await write_tree(path)
    execute(path, damage)
    before = foreign_content(path)

    assert {branch.name for branch in await ours().branches.list()} == set(expected)

    for name, items in expected.items():
        assert alike(await ours().on_branch(name).get_items()) == alike(items), name
    assert foreign_content(path) == before


async def test_a_name_that_is_no_text_is_one(path: Path, ours: Ours) -> None:
    expected = await write_tree(path)
    execute(path, "update message_structure set branch_id = cast(x'fffe' as text) where branch_id = 'wide'")
    execute(path, "update message_structure set branch_id = 7 where branch_id = 'deep'")

    assert alike(await ours().on_branch("\ufffd\ufffd").get_items()) == alike(expected["wide"])
    assert alike(await ours().on_branch("7").get_items()) == alike(expected["deep"])


async def test_a_message_on_no_branch_is_on_main_by_the_order_of_ids(path: Path, ours: Ours) -> None:
    """The SDK's plain session wrote some before the file was one of branches, as its users do."""
    expected = await write_tree(path)
    execute(path, "delete from message_structure where branch_id = 'main' and message_id in (2, 4)")
    execute(path, "delete from message_structure where message_id = 4")

    found = await ours().get_items()

    # 2 is on other branches still: it was taken from main. 4 is on none.
    assert alike(found) == alike([item for index, item in enumerate(expected["main"], 1) if index != 2])


@pytest.mark.parametrize("column", ["sequence_number", "branch_id", "message_id", "user_turn_number"])
async def test_a_table_that_is_somebody_elses_tells_of_no_branches(path: Path, ours: Ours, column: str) -> None:
    await write_tree(path)
    execute(path, "create table mine as select * from message_structure")
    execute(path, "drop table message_structure")
    execute(path, f"alter table mine rename column {column} to something_else")
    execute(path, "alter table mine rename to message_structure")

    assert [branch.name for branch in await ours().branches.list()] == ["main"]
    assert len(await ours().get_items()) == taken_over(path)


async def test_a_damaged_message_is_kept_on_each_branch(
    path: Path, ours: Ours, caplog: pytest.LogCaptureFixture
) -> None:
    expected = await write_tree(path)
    execute(path, "update agent_messages set message_data = 'canary' where id = 3")

    for name, items in expected.items():
        found = await ours().on_branch(name).get_items()
        assert alike(found) == alike([item for item in items if item != turn("a")[1]]), name
    assert "canary" not in caplog.text


TOUCH = """
import asyncio, json, sys
from sessions import SQLiteSession

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    session = SQLiteSession("u", sys.argv[1])
    branch = session.on_branch(sys.argv[2])
    await branch.add_items([{"role": "user", "content": sys.argv[2]}])
    print(json.dumps([branch.name for branch in await session.branches.list()]), flush=True)

asyncio.run(main())
"""


async def test_processes_take_branches_over_once(path: Path, ours: Ours) -> None:
    expected = await write_tree(path)
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-c", TOUCH, str(path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("main", "wide", "deep")
    }
    for process in processes.values():
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes.values():
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes.values():
        assert set(json.loads(process.communicate()[0])) == set(expected)

    for name, items in expected.items():
        new = [{"role": "user", "content": name}] if name in processes else []
        assert alike(await ours().on_branch(name).get_items()) == alike(items + new), name
    messages = int(execute(path, "select count(*) from agent_messages")[0][0])
    assert taken_over(path) == messages + len(processes)

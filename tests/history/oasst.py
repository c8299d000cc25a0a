"""The conversation trees of OpenAssistant, and two ways of making a session of one and reading it back.

A tree is ``{"text", "role", "replies"}``, nested. Its paths, from the first prompt to a last message, are what a
session's branches have to read as.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions import LogSession

Item: TypeAlias = dict[str, Any]
Way: TypeAlias = list[Item]

# The full recordings lie beside the checkout of those who have them.
TREES = Path(__file__).parents[3] / "shared" / "data" / "oasst-trees.jsonl"
ROLES = {"prompter": "user", "assistant": "assistant"}


def load_trees() -> list[Item]:
    """All trees' first prompts; without the file the test is skipped, which is a failure in CI."""
    if not TREES.exists():
        pytest.skip(f"needs {TREES.name}, which is not part of the project")
    return [json.loads(line)["prompt"] for line in TREES.read_text(encoding="utf-8").splitlines()]


def paths(message: Item, before: Way | None = None) -> Iterator[Way]:
    """All paths of a tree as items, depth first. An item says which message it was, as texts may repeat."""
    path = [
        *(before or []),
        {"role": ROLES[message["role"]], "content": message["text"], "message_id": message["message_id"]},
    ]
    for reply in message["replies"]:
        yield from paths(reply, path)
    if not message["replies"]:
        yield path


def shared(first: Way, second: Way) -> int:
    """How many items two paths have in common at their beginning."""
    return next((n for n, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), len(first))


def turns(path: Way) -> int:
    return sum(item["role"] == "user" for item in path)


async def load_as_branches(session: LogSession, tree: Item) -> dict[str, Way]:
    """Make a branch of each path but the first, which is main's; forked where it leaves the path before it."""
    made: dict[str, Way] = {}
    last: Way = []
    source = "main"
    for number, path in enumerate(paths(tree)):
        name = f"path {number}" if number else "main"
        common = shared(last, path)
        if number:
            # Nothing was ever removed, so positions are counts.
            await session.branches.create(name, position=common, source=source)
        await session.on_branch(name).add_items(path[common:])
        made[name] = last = path
        source = name
    return made


async def load_as_chat(session: LogSession, tree: Item) -> list[Way]:
    """Do what a chat's user interface does: go back as many turns as it takes, and say something else.

    A regenerated answer is a turn of its own, so its message is said again.
    """
    made: list[Way] = []
    for path in paths(tree):
        if made:
            last = made[-1]
            kept = shared(last, path)
            while kept and path[kept]["role"] != "user":
                kept -= 1
            await session.undo(turns(last) - turns(path[:kept]))
            await session.add_items(path[kept:])
        else:
            await session.add_items(path)
        made.append(path)
    return made


async def walk(session: LogSession, turn: int = 1) -> list[Way]:
    """Read every path by choosing every way in every turn, as the arrows of "2 / 3" do."""
    found: list[Way] = []
    siblings = await session.siblings(turn)
    for number in range(1, siblings[0].count + 1):
        # As listed after the choice before: since then the conversation went through every way below that one.
        await session.choose(siblings[number - 1])
        siblings = await session.siblings(turn)
        assert [sibling.number for sibling in siblings if sibling.current] == [number]
        items = await session.get_items()
        if turns(items) > turn:
            found += await walk(session, turn + 1)
        else:
            found.append(items)
    return found

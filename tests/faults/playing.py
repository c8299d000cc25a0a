"""A history that is made up as it goes, the same one for the same seed. Programs get this file's text.

Every operation depends on the seed and on what the ones before it did only, so that what is there after a number of
them can be found out by doing them again elsewhere.
"""

import random
from contextlib import suppress
from typing import Any

OPERATIONS = ("add", "add", "undo", "undo", "redo", "create", "delete", "choose", "switch", "pop", "record", "name")


def turn(number: object, answers: int) -> list[dict[str, Any]]:
    """Return a turn that can be told from all others."""
    parts = [f"{number}.{part}" for part in range(answers + 1)]
    return [{"role": "assistant" if at else "user", "content": part} for at, part in enumerate(parts)]


async def play_one(session: Any, chance: random.Random, number: int) -> None:
    """Do one operation. What is refused changes nothing."""
    names = [branch.name for branch in await session.branches.list()] or ["main"]
    name, size = chance.choice(names), chance.randint(1, 3)
    await session.get_items(1)
    with suppress(ValueError):
        match chance.choice(OPERATIONS):
            case "add":
                await session.add_items(turn(number, size))
            case "undo":
                await session.undo(size)
            case "redo":
                await session.redo()
            case "create":
                await session.branches.create(f"b{number}", source=name, turn=size, switch=size == 1)
            case "delete":
                await session.branches.delete(name, force=True)
            case "choose":
                await session.choose(chance.choice(await session.siblings()))
            case "switch":
                await session.branches.switch(name)
            case "pop":
                await session.pop_item()
            case "record":
                await session.usage.record(input_tokens=number, key=f"k{number}")
            case _:
                await session.set_info(title=f"t{number}", tags=[f"t{number}", name], archived=size == 1)


async def state(session: Any) -> list[Any]:
    """Return what can be seen of a session, but for times."""
    total = await session.usage.total()
    seen: list[Any] = [(total.requests, total.input_tokens), await session.info()]
    for branch in await session.branches.list():
        pinned = session.on_branch(branch.name)
        siblings = []
        with suppress(ValueError):
            siblings = [(sibling.number, sibling.current, sibling.branch) for sibling in await pinned.siblings()]
        described = [branch.current, branch.items, branch.turns, branch.lineage, branch.fork_position, branch.redoable]
        seen.append((branch.name, *described, siblings, await pinned.get_items()))
    return seen

"""All that can be seen of a session, as one value, to compare it with that of another one."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sessions.store.store import Store

_ENTRY_ID: Final = re.compile(r"\be[0-9a-f]+-([0-9a-f]+)-([0-9a-f]+)\b")


async def observe(store: Store, session_id: str) -> dict[str, Any]:
    """Return everything that a store's readers see of a session, without the ids of entries.

    In place of an entry's id are its position and its version, which tell a session's entries apart as well: another
    database gives other ids.
    """
    session = store.session(session_id)
    listed = await store.get(session_id)
    seen: dict[str, Any] = {
        "version": await session.version(),
        "info": await session.info(),
        "listed": listed and replace(listed, cursor=""),
        "tree": await session.tree(),
        "drawn": str(await session.tree()),
        "usage": await session.usage.by("turn", "model", "agent", "author", "day"),
        "usage of branches": await session.usage.by("branch", "turn"),
        "branches": await session.branches.list(),
    }
    for branch in seen["branches"]:
        there = session.on_branch(branch.name)
        seen[f"branch {branch.name}"] = {
            "items": await there.get_items(),
            "entries": await there.entries(),
            "turns": await there.turns(),
            "siblings": await there.siblings_by_turn(),
            "ways on": await there.ways_on(),
            "summaries": await there.summaries(),
            "tools": await there.usage.tools(),
        }
    return dict(without_ids(seen))


def differences(first: Any, second: Any, path: str = "") -> list[str]:
    """Return where two observations differ, with both values."""
    if isinstance(first, dict) and isinstance(second, dict):
        names = dict.fromkeys([*first, *second])
        return [one for name in names for one in differences(first.get(name), second.get(name), f"{path}/{name}")]
    if isinstance(first, list | tuple) and isinstance(second, list | tuple) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [one for number, pair in pairs for one in differences(*pair, f"{path}/{number}")]
    return [] if first == second else [f"{path}: {first!r} != {second!r}"]


def without_ids(value: Any) -> Any:
    """Return a value with plain dictionaries in place of records, and without entries' ids."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: without_ids(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {without_ids(key): without_ids(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_ids(one) for one in value]
    if isinstance(value, str):
        return _ENTRY_ID.sub(r"e-\1-\2", value)
    return value

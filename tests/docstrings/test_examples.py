"""Each public method has one line of example in its docstring, and each such line runs as it is written."""

from __future__ import annotations

import ast
import inspect
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from .examples import Seen, World, example_of, public

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = dict(public())
EXAMPLES = {name: example for name, thing in PUBLIC.items() if (example := example_of(thing))}

ON_SERVERS_ONLY = {"tables.migrate", "tables.note_migrations"}
"""Their example needs Postgres or MariaDB, and runs in tests/life/test_alembic_page.py."""

CALLED_BY_OTHERS = "adapters.openai_agents.SessionHooks."
"""The SDK's runner calls these methods, and no user."""


def test_each_public_method_has_an_example() -> None:
    without = [
        name
        for name, thing in PUBLIC.items()
        if inspect.isfunction(thing) and name not in EXAMPLES and not name.startswith(CALLED_BY_OTHERS)
    ]
    assert without == []


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = EXAMPLES[name]
    if example.startswith("except "):
        ast.parse(f"async def handler():\n    try: pass\n    {example}")
        return
    code = compile(example, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if name in ON_SERVERS_ONLY:
        return
    monkeypatch.chdir(tmp_path)
    async with AsyncExitStack() as stack:
        known = await World(example, name, stack).variables()
        before = dict(known)
        with suppress(Seen):
            waiting = eval(code, known)  # noqa: S307 - our own docstrings
            if waiting is not None:
                await waiting
        await _close_new(before, known)


async def _close_new(before: dict[str, object], known: dict[str, object]) -> None:
    """Close the sessions and stores that an example has made."""
    for name, value in known.items():
        close = getattr(value, "aclose", None) or getattr(value, "close", None)
        if before.get(name) is not value and inspect.iscoroutinefunction(close):
            await close()

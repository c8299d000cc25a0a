"""From a fresh interpreter to a session: the time that every short-lived process pays.

Measured inside the new process and from after the interpreter's own start, which would only flatter the
ratio.
"""

import asyncio
import os
import sys
from typing import ClassVar

from typing_extensions import override

from benchmarks.data import ROOT
from benchmarks.row import Figure, Row, Target
from benchmarks.sides import Side

IMPORTS: dict[Side, str] = {
    "limit": "import sqlite3, asyncio, json",
    "ours": "from sessions import SQLiteSession",
    "sdk": "from agents import SQLiteSession",
}
FIRST_SESSION: dict[Side, str] = {
    "limit": "",
    "ours": "session = SQLiteSession('first', path)",
    "sdk": "session = SQLiteSession('first', path)",
}
FIRST_ITEM: dict[Side, str] = {
    "limit": """
async def main():
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=FULL").fetchall()
    connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, session TEXT, payload BLOB)")
    connection.execute("INSERT INTO items (session, payload) VALUES (?, ?)", ("first", json.dumps(item)))
    rows = connection.execute("SELECT payload FROM items WHERE session = ? ORDER BY id", ("first",))
    return [json.loads(payload) for (payload,) in rows]
""",
    "ours": """
async def main():
    await session.add_items([item])
    return await session.get_items()
""",
}
FIRST_ITEM["sdk"] = FIRST_ITEM["ours"]

PROGRAM = """
from time import perf_counter
path, item, started = {path!r}, {{"role": "user", "content": "Hello"}}, perf_counter()
{imports}
imported = perf_counter()
{first_session}
made = perf_counter()
import asyncio
{first_item}
assert asyncio.run(main()) == [item]
used = perf_counter()
print(imported - started, made - started, used - started)
"""


def _environment() -> dict[str, str]:
    """Let all sides keep their compiled modules, as installed packages do; the first sample makes them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Startup(Row):
    """Imports, the first session object, and the first item added and read."""

    name = "start of a process"
    figures: ClassVar = (
        Figure("import", "ms", Target(1.5)),
        Figure("import, first session", "ms", Target(1.5)),
        Figure("import, first session, first item", "ms"),
    )
    rounds = 11

    @override
    async def prepare(self) -> None:
        self.taken = 0
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        self.taken += 1
        side = self.setting.side
        program = PROGRAM.format(
            path=str(self.setting.folder / f"start-{self.taken}.db"),
            imports=IMPORTS[side],
            first_session=FIRST_SESSION[side],
            first_item=FIRST_ITEM[side],
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env=_environment()
        )
        output, _ = await process.communicate()
        imported, made, used = (float(seconds) * 1e3 for seconds in output.split())
        return {
            "import": imported,
            "import, first session": made,
            "import, first session, first item": used,
        }

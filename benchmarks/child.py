"""A process that runs one side of one row: `python -m benchmarks.child`.

It reads one JSON request a line from its standard input, answers each with one line, and ends when the input
ends: when its parent is gone, so is it.
"""

import asyncio
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from benchmarks.durability import Durability
from benchmarks.row import Row, Setting
from benchmarks.rows import ROWS


class Child:
    """Answers requests: first `load`, then whatever the row needs."""

    setting: Setting
    row: Row

    async def answer(self, what: str, row: str, setting: dict[str, Any]) -> Any:
        """Does one thing; what it returns is JSON."""
        match what:
            case "load":
                self.setting = _setting(setting)
                _ = self.setting.open
            case "fill":
                await _row(row).fill(self.setting)
            case "prepare":
                self.row = _row(row)(self.setting)
                if self.row.pinned:
                    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
                await self.row.prepare()
            case "sample":
                # What earlier samples left is not collected at this one's expense.
                gc.collect()
                return await self.row.sample()
            case "written":
                return self.row.written()
            case "stored":
                return await self.row.stored()
            case "durability":
                return await Durability(self.setting).describe()
        return None


def _row(name: str) -> type[Row]:
    return next(row for row in ROWS if row.name == name)


def _setting(fields: dict[str, Any]) -> Setting:
    paths = {name: Path(fields[name]) for name in ("folder", "library", "data")}
    return Setting(**{**fields, **paths})


def main(requests: TextIO, answers: TextIO) -> None:
    """Answers until there are no more requests, all on one event loop."""
    child = Child()
    with asyncio.Runner() as runner:
        for line in requests:
            answer = runner.run(child.answer(**json.loads(line)))
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # What anybody prints must not look like an answer.
    main(sys.stdin, answers)

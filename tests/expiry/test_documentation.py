"""The examples of docs/expiry.md run, in their order."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import FunctionType
from typing import Any

from sessions import ErasureReceipt
from sessions.testing_model import user

TEXT = (Path(__file__).parents[2] / "docs" / "expiry.md").read_text()


async def test_the_examples_run(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    known: dict[str, Any] = {"url": f"sqlite:///{path}", "path": path, "message": user("Hello")}
    for example in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        code = compile(example, "docs/expiry.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = FunctionType(code, known)()
        if inspect.iscoroutine(running):
            await running
        if "open_store(url, sweep_every" in example:
            known["store"] = known["open_store"](known["url"])
    assert isinstance(known["receipt"], ErasureReceipt)
    assert (known["receipt"].entries, known["pending"]) == (2, ())

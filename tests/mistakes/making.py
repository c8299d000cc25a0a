"""Makes a mistake of the page, and returns the message that a user gets."""

from __future__ import annotations

import ast
import asyncio
import gc
import re
import sys
import warnings
from contextlib import AsyncExitStack, chdir
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from .world import circumstances, variables

if TYPE_CHECKING:
    from .page import Mistake

_VARYING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "2026-12-01 12:00:00 UTC"),
    (re.compile(r"in \d+\.\d s"), "in 0.1 s"),
)
"""Parts of messages that differ from run to run, and what the page has in their place."""


async def message_of(mistake: Mistake) -> str:
    """Make a mistake in an empty folder; return the class and the text of the error or the warning.

    Raises:
        AssertionError: The mistake went unnoticed.
    """
    is_script = mistake.setting == "with a script"
    flags = 0 if is_script else ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(mistake.code, mistake.title, "exec", flags=flags)
    async with AsyncExitStack() as stack:
        # Not a folder of pytest's, which only its owner may enter: some mistakes are made by another user.
        folder = stack.enter_context(TemporaryDirectory())
        stack.enter_context(chdir(folder))
        told = stack.enter_context(warnings.catch_warnings(record=mistake.setting == "never awaited"))
        warnings.simplefilter("error" if told is None else "always")
        known = await variables(mistake.code, mistake.setting, stack)
        stack.push_async_callback(_dispose, known)
        stack.enter_context(circumstances(mistake.setting, stack))
        try:
            if is_script:
                await asyncio.to_thread(exec, code, known)
            elif (waiting := eval(code, known)) is not None:  # noqa: S307 - our own page
                await waiting
        except Exception as error:  # noqa: BLE001 - whatever it is, the page has it
            return f"{type(error).__name__}: {_shown(str(error), folder)}"
        gc.collect()
        assert told, f"{mistake.title}: no error"
        return f"{told[0].category.__name__}: {told[0].message}"


async def _dispose(known: dict[str, Any]) -> None:
    """Close the connections of an engine that a script has made."""
    if isinstance(engine := known.get("engine"), AsyncEngine):
        await engine.dispose()


def _shown(text: str, folder: str) -> str:
    for pattern, shown in _VARYING:
        text = pattern.sub(shown, text)
    return text.replace(folder, "/srv/chat").replace(sys.executable, "python")

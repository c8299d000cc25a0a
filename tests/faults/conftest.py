"""What the fault tests share: a file, and programs that use it."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Protocol

import pytest

from .disks import disk, room
from .programs import Program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


__all__ = ["disk", "room"]


class Start(Protocol):
    """Starts a program; see `Program`."""

    def __call__(self, text: str, *arguments: object, options: tuple[str, ...] = ()) -> Program: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs and kills those that still run when the test ends."""
    numbers = itertools.count()
    with contextlib.ExitStack() as running:

        def start_one(text: str, *arguments: object, options: tuple[str, ...] = ()) -> Program:
            log = tmp_path / f"program-{next(numbers)}.log"
            return running.enter_context(Program(text, *arguments, log=log, options=options))

        yield start_one

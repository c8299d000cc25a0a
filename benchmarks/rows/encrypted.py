"""The rows for encrypted sessions: the same workloads, every side with encryption."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from benchmarks.encrypted import encrypted_opener
from benchmarks.row import Figure, Setting, Target
from benchmarks.rows.read import SHORT, Read
from benchmarks.rows.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.sides import Conversation


@dataclass(frozen=True)
class _Encrypted(Setting):
    """A setting whose sessions are encrypted, in a library of their own."""

    @cached_property
    def open(self) -> "Callable[[str, Path], Conversation]":
        """Makes an encrypted session object of this side."""
        return encrypted_opener(self.side)


def _encrypted(setting: Setting) -> _Encrypted:
    library = setting.library.with_name(f"encrypted-{setting.library.name}")
    return _Encrypted(setting.side, setting.folder, library, setting.data, setting.quick, setting.worker)


class EncryptedTurn(Turn):
    """Read all of 2,000 encrypted items and add 2 to 4."""

    name = "encrypted: agent turn at 2,000 items"

    def __init__(self, setting: Setting) -> None:
        super().__init__(_encrypted(setting))


class EncryptedRead(Read):
    """All of 10,000 encrypted items."""

    name = "encrypted: read all"
    figures: ClassVar = (Figure("of 10,000", "ms", Target(1.3)),)  # type: ignore[assignment]
    rounds = 15

    def __init__(self, setting: Setting) -> None:
        super().__init__(_encrypted(setting))

    @classmethod
    @override
    def lengths(cls, setting: Setting) -> dict[int, int]:
        return {SHORT: 5}

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        await super().fill(_encrypted(setting))

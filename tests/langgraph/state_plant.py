"""A class of the same name as one of a graph's schema, in another loaded module: it does something when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass
class Preferences:
    """A trap."""

    theme: str
    address: Any = None
    made: ClassVar[list[str]] = []

    def __post_init__(self) -> None:
        self.made.append(self.theme)

"""Classes that a graph's state may have. They are at the top of a module, where stored state names them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NamedTuple, TypedDict

from pydantic import BaseModel


@dataclass
class Address:
    """A dataclass in another one."""

    city: str


@dataclass
class Preferences:
    """A dataclass with a class in its field."""

    theme: str
    address: Address | None = None


@dataclass
class Planted:
    """A class that is loaded and does something when it is made."""

    command: str
    made: ClassVar[list[str]] = []

    def __post_init__(self) -> None:
        self.made.append(self.command)


@dataclass
class Half:
    """A dataclass with a field that its constructor does not take."""

    name: str
    size: int = field(default=0, init=False)


class Colour(enum.Enum):
    """An enum."""

    RED = "red"


class Plan(BaseModel):
    """A model with a model in it and a set."""

    steps: list[str]
    tags: set[int] = set()
    address: Address | None = None


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int


def joined(left: Any, right: Any) -> Any:
    """Stand for a reducer."""
    return right or left


class State(TypedDict, total=False):
    """A graph's schema."""

    preferences: Annotated[Preferences, joined]
    plans: list[Plan]
    colours: dict[str, Colour]
    where: Point | None

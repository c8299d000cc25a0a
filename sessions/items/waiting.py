"""Calls without an output in a part of a conversation that a summary is to stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container

    from sessions.types import Item


class Waiting(NamedTuple):
    """A model's answer with calls that were unanswered when it was summarised.

    It is shown again once the output of one of them comes, as providers take no output without its call.

    Attributes:
        items: The model's items, and an output for each call.
        placeholders: The indexes of those outputs that only stand for one.
    """

    items: list[Any]
    placeholders: list[int]

    @classmethod
    def of(cls, content: Any) -> Waiting:
        """Return one from its form in a summary's entry; raise `ValueError` or `TypeError` if the form is invalid."""
        items, placeholders = content
        if not is_items(items) or not all(0 <= index < len(items) for index in placeholders):
            raise ValueError
        return cls(items, placeholders)


def find_waiting(items: list[Item], placeholders: Container[int]) -> list[Waiting]:
    """Return the answers without outputs in a part to be summarised, so that they are shown again if an output comes.

    Args:
        items: The part.
        placeholders: The indexes of outputs that only stand for one.
    """
    # Few programs summarise.
    from sessions.items.repair import repair_items  # noqa: PLC0415
    from sessions.items.rounds import find_rounds  # noqa: PLC0415

    found = []
    for round_ in find_rounds(items):
        known = {id(items[index]) for index in round_.indexes if index not in placeholders}
        repaired, _ = repair_items([items[index] for index in round_.indexes])
        stand_ins = [index for index, item in enumerate(repaired) if id(item) not in known]
        if stand_ins:
            found.append(Waiting(repaired, stand_ins))
    return found


def is_items(items: object) -> bool:
    """Tell whether something is a list of items."""
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)

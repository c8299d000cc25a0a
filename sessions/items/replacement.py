"""Replacing an item by another one: which things a replacement may not change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.items.calls import answers_of, calls_of, format_of, kind_of, part_of, program_begun, program_of, tools_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.types import Item

_STAYING: Final[dict[str, tuple[Callable[[Item], object], ...]]] = {
    "kind": (kind_of, part_of),
    "format": (format_of,),
    "call ids": (calls_of, answers_of),
    "tool": (tools_of,),
    "program": (program_begun, program_of),
}
"""What has to stay, by its name in errors: otherwise the items around it would not fit any more."""


def changed_parts(old: Item, new: Item) -> tuple[str, ...]:
    """Return the names of the things that differ between an item and its replacement, and may not."""
    return tuple(name for name, parts in _STAYING.items() if any(part(old) != part(new) for part in parts))

"""The store's results: LangGraph's items, whose values can also be read from the item itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langgraph.store.base import Item, SearchItem

if TYPE_CHECKING:
    from sessions.types.memories import Memory


class _Answering:
    """Looks keys up in the value, as a dictionary does."""

    __slots__ = ()

    # Else, Python would count 0, 1, 2 … through `__getitem__`.
    __iter__ = None

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field of the value, or `default`.

        Example: ``theme = store.get(("users", "alice"), "settings").get("theme", "light")``
        """
        return cast("Item", self).value.get(key, default)

    def __getitem__(self, key: str) -> Any:
        return cast("Item", self).value[key]

    def __contains__(self, key: object) -> bool:
        return key in cast("Item", self).value


class StoredItem(_Answering, Item):
    """LangGraph's `Item`, which also answers ``item.get(key, default)`` and ``item[key]`` from its value."""

    __slots__ = ()


class FoundItem(_Answering, SearchItem):
    """LangGraph's `SearchItem`, which also answers ``item.get(key, default)`` and ``item[key]`` from its value."""

    __slots__ = ()


def stored(memory: Memory) -> StoredItem:
    """Return a memory as an item."""
    return StoredItem(
        value=memory.value,
        key=memory.key,
        namespace=memory.namespace,
        created_at=memory.created_at,
        updated_at=memory.updated_at,
    )


def found(memory: Memory, score: float | None = None) -> FoundItem:
    """Return a memory as an item that a search found."""
    return FoundItem(
        namespace=memory.namespace,
        key=memory.key,
        value=memory.value,
        created_at=memory.created_at,
        updated_at=memory.updated_at,
        score=score,
    )

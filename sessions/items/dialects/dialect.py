"""The functions that each dialect has, and all that the rest of this package knows of items."""

# ruff: noqa: ARG002 - these hold for every item.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.items.kinds import UNKNOWN as UNKNOWN_KIND
from sessions.items.kinds import own_word
from sessions.items.parts import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.items.kinds import Classified
    from sessions.items.parts import Call
    from sessions.types import Item


class Dialect:
    """One way to write items: pure functions over JSON; no framework is imported.

    This class itself has the rules for items of an unknown shape. They are never guessed at: they make no call and
    answer none, and a group that may contain one is never split. A dialect overrides the methods for which it knows its
    own items.

    Attributes:
        name: Its name, which says in which format an entry is stored. It never changes.
    """

    name = "unknown"

    def kind_of(self, item: Item) -> str:
        """Return the kind of an item: one of `KNOWN` if its shape is known, else its own type or role, or `UNKNOWN`."""
        type_ = item.get("type")
        word = item.get("role") if type_ is None or type_ == "message" else type_
        return own_word(word) if isinstance(word, str) else UNKNOWN_KIND

    def classify(self, items: Sequence[dict[str, Any]]) -> list[Classified]:
        """Return the kinds and tools of items that are added together.

        The output of a tool need not name it. It gets the name of the call that it answers where that is among
        `items`, which is how runners add them.
        """
        return [(self.kind_of(item), None) for item in items]

    def part_of(self, item: Item) -> Part:
        """Return which part an item plays."""
        return Part.UNKNOWN

    def calls_of(self, item: Item) -> list[Call]:
        """Return the calls of an item that must be answered, in their order; those that providers execute need not."""
        return []

    def answers_of(self, item: Item) -> list[Call]:
        """Return the calls that an item answers, whether they exist or not."""
        return []

    def tools_of(self, item: Item) -> list[str | None]:
        """Return the names of the tools that an item calls, one for each call, those that providers execute included.

        An output, and a request for approval, has the one that it names.
        """
        return []

    def arguments_of(self, item: Item) -> list[Any]:
        """Return the arguments of an item's calls, in their order: JSON text, or any value."""
        return []

    def has_failed(self, item: Item) -> bool:
        """Tell whether a call or an output says that it failed."""
        return False

    def is_instruction(self, item: Item) -> bool:
        """Tell whether an item sets rules for the following items, as system and developer messages do."""
        return False

    def asks_a_human(self, item: Item) -> bool:
        """Tell whether an item says itself that a human has to decide before it is answered."""
        return False

    def program_begun(self, item: Item) -> str:
        """Return the item's id if it is a program; empty otherwise."""
        return ""

    def program_of(self, item: Item) -> str:
        """Return the id of the program that an item is a call, an output or the end of; empty if it is of none.

        A provider accepts a program's items only together with the program.
        """
        return ""

    def placeholder(self, call: Call, text: str, made_by: Item) -> Item:
        """Return an output for a call that has none, which says `text` where its shape has room for a text.

        Args:
            call: The call; each is of a known shape.
            text: The output's text.
            made_by: The item that makes the call.
        """
        raise NotImplementedError

    def emptied(self, item: Item) -> Item | None:
        """Return an item without its content: of the same kind and with the same ids of calls.

        ``None`` if a provider would accept no such item. The form of an unknown shape has its type and role, and a
        content that is of an unknown shape, too: it may still be any of its neighbours' call or output.
        """
        kept = {name: item[name] for name in ("type", "role") if isinstance(item.get(name), (str, int, float))}
        return {**kept, "content": [{"type": "redacted"}]}

    def user_message(self, text: str) -> Item:
        """Return a message of a user."""
        raise NotImplementedError

    def is_kept_as(self, item: Item, kept: Item) -> bool:
        """Tell whether a store of another library that was given an item may return it as another one."""
        return bool(item == kept)

    def hosted_form(self, item: Item) -> Item | None:
        """Return an item as the provider's own store of conversations takes it; ``None`` if it takes no such item."""
        return item

    def text_of(self, item: Any) -> str:
        """Return the text of a message: its content, or the texts of its parts, one to a line; else an empty text.

        Example: ``title = sessions.text_of(message)[:60]``

        Raises:
            TypeError: It is not an item, which is a dictionary.
        """
        if not isinstance(item, dict):
            remedy = "Pass entry.item" if isinstance(getattr(item, "item", None), dict) else "Pass a dictionary"
            raise TypeError(f"text_of needs an item, not {type(item).__name__}. Nothing was done. {remedy}.")
        content = item.get("content")
        if isinstance(content, str):
            return content
        parts = content if isinstance(content, list) else []
        texts = [part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, (str, dict))]
        return "\n".join(text for text in texts if isinstance(text, str))


UNKNOWN: Final = Dialect()

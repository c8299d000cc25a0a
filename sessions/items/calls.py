"""The one reader of items: an item's part in a conversation, the calls it makes and the calls it answers.

All callers are above and know no provider's shapes, which are in `sessions.items.dialects`. Each function asks the
dialect of its item: OpenAI's, which also has the rules for unknown shapes, or that of another format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.items.dialects.openai import OPENAI
from sessions.items.kinds import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.items.dialects.dialect import Dialect
    from sessions.items.kinds import Classified
    from sessions.items.parts import Call, Part
    from sessions.types import Item

_MESSAGES: Final = ("human", "ai", "system", "tool", "function", "chat")
_CHUNKS: Final = ("HumanMessageChunk", "AIMessageChunk", "SystemMessageChunk", "ToolMessageChunk")
_MAY_BE_LANGCHAIN: Final = frozenset({"constructor", *_MESSAGES, *_CHUNKS, "FunctionMessageChunk", "ChatMessageChunk"})
"""Types of LangChain's messages, none of them OpenAI's: the dialect is imported when the first one is met."""
_KINDS_OF_OTHERS: Final = _MAY_BE_LANGCHAIN | {UNKNOWN}


def dialect_of(item: Item) -> Dialect:
    """Return the dialect of an item; OpenAI's if it is of an unknown shape."""
    type_ = item.get("type")
    if type_.__class__ is str and type_ in _MAY_BE_LANGCHAIN:
        from sessions.items.dialects.langchain import LANGCHAIN  # noqa: PLC0415 - few programs have its messages
        from sessions.items.dialects.langchain_forms import message_of  # noqa: PLC0415 - as above

        if message_of(item) is not None:
            return LANGCHAIN
    return OPENAI


def dialect_named(format_: str | None) -> Dialect | None:
    """Return the dialect of an entry by its stored format; ``None`` if a later release stored it."""
    if format_ is None:
        return OPENAI
    from sessions.items.dialects.langchain import LANGCHAIN  # noqa: PLC0415 - few programs have its messages

    return LANGCHAIN if format_ == LANGCHAIN.name else None


def format_of(item: Item) -> str | None:
    """Return the format in which an item's entry is stored: its dialect's name, ``None`` for OpenAI's."""
    dialect = dialect_of(item)
    return None if dialect is OPENAI else dialect.name


def classify(items: Sequence[dict[str, Any]]) -> list[Classified]:
    """Return the kinds and tools of items that are added together: see `Dialect.classify`."""
    return classify_with_formats(items)[0]


def classify_with_formats(items: Sequence[dict[str, Any]]) -> tuple[list[Classified], list[str | None]]:
    """Return the same, and in which format each item's entry is stored: see `format_of`."""
    found = OPENAI.classify(items)
    formats: list[str | None] = [None] * len(found)
    others: dict[Dialect, list[int]] = {}
    for index, (kind, _) in enumerate(found):
        # By OpenAI's dialect, an item of another one has its own type as kind, or no known kind.
        if kind in _KINDS_OF_OTHERS and (dialect := dialect_of(items[index])) is not OPENAI:
            others.setdefault(dialect, []).append(index)
    for dialect, indexes in others.items():
        for index, known in zip(indexes, dialect.classify([items[index] for index in indexes]), strict=True):
            found[index], formats[index] = known, dialect.name
    return found, formats


def kind_of(item: Item) -> str:
    """Return an item's kind: see `Dialect.kind_of`."""
    return dialect_of(item).kind_of(item)


def part_of(item: Item) -> Part:
    """Return which part an item plays."""
    return dialect_of(item).part_of(item)


def calls_of(item: Item) -> list[Call]:
    """Return the calls of an item that must be answered: see `Dialect.calls_of`."""
    return dialect_of(item).calls_of(item)


def answers_of(item: Item) -> list[Call]:
    """Return the calls that an item answers, whether they exist or not."""
    return dialect_of(item).answers_of(item)


def tools_of(item: Item) -> list[str | None]:
    """Return the names of the tools that an item calls or has called: see `Dialect.tools_of`."""
    return dialect_of(item).tools_of(item)


def arguments_of(item: Item) -> list[Any]:
    """Return the arguments of an item's calls, in their order: JSON text, or any value."""
    return dialect_of(item).arguments_of(item)


def has_failed(item: Item) -> bool:
    """Tell whether a call or an output says that it failed."""
    return dialect_of(item).has_failed(item)


def is_instruction(item: Item) -> bool:
    """Tell whether an item sets rules for the following items."""
    return dialect_of(item).is_instruction(item)


def placeholder(call: Call, text: str, made_by: Item) -> Item:
    """Return an output for a call that has none: see `Dialect.placeholder`."""
    return dialect_of(made_by).placeholder(call, text, made_by)


def emptied(item: Item) -> Item | None:
    """Return an item without its content: see `Dialect.emptied`."""
    return dialect_of(item).emptied(item)


def text_of(item: Any) -> str:
    """Return the text of a message: its content, or the texts of its parts, one to a line; else an empty text.

    Example: ``title = sessions.text_of(message)[:60]``

    Raises:
        TypeError: It is not an item, which is a dictionary.
    """
    return (dialect_of(item) if isinstance(item, dict) else OPENAI).text_of(item)


# Only OpenAI's items have these, and its store of conversations.
asks_a_human = OPENAI.asks_a_human
program_begun = OPENAI.program_begun
program_of = OPENAI.program_of
user_message = OPENAI.user_message
hosted_form = OPENAI.hosted_form
is_kept_as = OPENAI.is_kept_as

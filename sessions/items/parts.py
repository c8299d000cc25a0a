"""An item's part in a conversation, and a call between two items: the basis of rounds, windows and repair."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class Part(Enum):
    """Which part an item plays.

    Attributes:
        USER: A user's message: it begins a turn.
        CONTEXT: A message of the system or the developer; another item that sets rules for the following items, as
            ``additional_tools`` do; or a replacement of an older conversation (``compaction``).
        REASONING: Reasoning of a model, which belongs to the next item.
        ANSWER: Any other item made by a model or its provider, including the output of a program.
        CHAT_ANSWER: An assistant's message that is all that a model said at once, as in Chat Completions.
        OUTPUT: An answer to a call.
        UNKNOWN: An item of an unknown shape, which may be anything; also a reference to data that only the provider
            has.
    """

    USER = auto()
    CONTEXT = auto()
    REASONING = auto()
    ANSWER = auto()
    CHAT_ANSWER = auto()
    OUTPUT = auto()
    UNKNOWN = auto()


class Call(NamedTuple):
    """A call that must be answered.

    Attributes:
        answered_by: The type of the item that answers it, or the role of the message that does.
        call_id: The id by which an answer names it; empty if the item has none, so that it cannot be answered.
    """

    answered_by: str
    call_id: str

"""Which part an item plays in a conversation, and a call between two of them: what rounds, windows and repair go by."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class Part(Enum):
    """Which part an item plays.

    Attributes:
        USER: A user's message: it begins a turn.
        CONTEXT: A message of the system or the developer; another item that says what holds from there on, as
            ``additional_tools`` do; or what stands for an older conversation (``compaction``).
        REASONING: Reasoning of a model, which belongs to what follows it.
        ANSWER: What else a model or its provider made, also the output of a program.
        CHAT_ANSWER: An assistant's message that is all that a model said at once, as in Chat Completions.
        OUTPUT: What answers a call.
        UNKNOWN: What has no shape that is known here, and so may be anything; also a reference to what only the
            provider has.
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
        call_id: What the answer names it by; empty if the item names none, so that nothing can answer it.
    """

    answered_by: str
    call_id: str

"""Turns of a real support conversation (an excerpt of tau-bench), and what its tools returned then.

`data/LICENSE-tau-bench.md` names the source and its licence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXCERPT = Path(__file__).parent / "data" / "tau-bench-airline-excerpt.json"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the recorded model made; `arguments` is JSON text, `output` what the tool answered."""

    call_id: str
    name: str
    arguments: str
    output: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A user's message and what the model replied, in order: tool calls first, an answer last."""

    question: str
    replies: tuple[str | ToolCall, ...]

    @property
    def calls(self) -> list[ToolCall]:
        """The tool calls among the replies."""
        return [reply for reply in self.replies if isinstance(reply, ToolCall)]


@dataclass(frozen=True, slots=True)
class Recording:
    """One conversation; `policy` is the system message its model worked by."""

    policy: str
    turns: tuple[Turn, ...]

    def output_of(self, tool: str, **arguments: Any) -> str:
        """What the tool returned when it was called so; an error text for a call that was never made."""
        for call in (call for turn in self.turns for call in turn.calls):
            if call.name == tool and json.loads(call.arguments) == arguments:
                return call.output
        return f"Error: the recording has no {tool} with {json.dumps(arguments)}"


def load_recording(task_id: int) -> Recording:
    """Read one conversation of the excerpt, from Chat Completions messages into turns."""
    excerpt = json.loads(EXCERPT.read_text(encoding="utf-8"))
    [messages] = [c["messages"] for c in excerpt["conversations"] if c["task_id"] == task_id]
    outputs = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    turns: list[tuple[str, list[str | ToolCall]]] = []
    for message in messages:
        if message["role"] == "user":
            turns.append((message["content"], []))
        elif message["role"] == "assistant":
            replies = turns[-1][1]
            if message["content"]:
                replies.append(message["content"])
            for call in message.get("tool_calls", ()):
                name, arguments = call["function"]["name"], call["function"]["arguments"]
                replies.append(ToolCall(call["id"], name, arguments, outputs[call["id"]]))
    return Recording(excerpt["policy"], tuple(Turn(question, tuple(replies)) for question, replies in turns))

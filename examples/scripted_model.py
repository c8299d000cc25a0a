"""A model that replies as the recording did, and remembers nothing itself.

Like a real model it sees only the conversation it is given, and finds its place in there. So every right answer
in the second process is proof that the session brought the conversation back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call

if TYPE_CHECKING:
    from agents.items import TResponseOutputItem
    from agents.models.interface import Model
    from recording import Recording, ToolCall

HANDOFF = "handoff_"


def scripted_model(recording: Recording) -> Model:
    """A model for the OpenAI Agents SDK that can give each reply of the recording, and one handoff per turn."""

    def reply(call: ModelCall) -> list[TResponseOutputItem]:
        return [_reply(recording, call)]

    steps = sum(len(turn.replies) + 1 for turn in recording.turns)
    return ScriptedModel(ModelStep.respond(reply) for _ in range(steps))


def _reply(recording: Recording, call: ModelCall) -> TResponseOutputItem:
    items = call.input
    asked = max(index for index, item in enumerate(items) if item.get("role") == "user")
    questions = [turn.question for turn in recording.turns]
    at = questions.index(items[asked]["content"])

    seen = {item["call_id"] for item in items if item.get("type") == "function_call_output"}
    needed = {earlier.call_id for turn in recording.turns[:at] for earlier in turn.calls}
    if not needed <= seen:
        raise LookupError(f"Cannot answer {questions[at]!r}: the conversation before it is missing.")

    given = [item for item in items[asked + 1 :] if item.get("type") in {"message", "function_call"}]
    step = sum(not item.get("call_id", "").startswith(HANDOFF) for item in given)
    reply = recording.turns[at].replies[step]
    if isinstance(reply, str):
        return assistant_message(reply, item_id=f"msg_{at}_{step}")
    return _call_or_hand_over(reply, call)


def _call_or_hand_over(reply: ToolCall, call: ModelCall) -> TResponseOutputItem:
    """The recorded call, or first a handoff: the recording has one agent, which had all the tools."""
    if reply.name in {tool.name for tool in call.tools}:
        return function_call(reply.name, reply.arguments, call_id=reply.call_id)
    return function_call(call.handoffs[0].tool_name, {}, call_id=HANDOFF + reply.call_id)

"""A model that replies as the recording did, and remembers nothing itself.

Like a real model it sees only the conversation it is given, and finds its place in there. So every right answer
in the second and the third process is proof that the session brought the conversation there.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from agents import Usage
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call

if TYPE_CHECKING:
    from agents.items import TResponseOutputItem
    from agents.models.interface import Model
    from recording import Recording


def scripted_model(recording: Recording) -> Model:
    """A model for the OpenAI Agents SDK that can give each reply of the recording."""

    def reply(call: ModelCall) -> ModelStep:
        item = _reply(recording, call)
        # Four letters are one token, as with real models, more or less.
        read, written = len(str(call.input)) // 4, len(item.model_dump_json()) // 4
        usage = Usage(requests=1, input_tokens=read, output_tokens=written, total_tokens=read + written)
        return ModelStep(output=[item], usage=usage, response_id=f"resp_{uuid.uuid4().hex}")

    steps = sum(len(turn.replies) for turn in recording.turns)
    model = ScriptedModel(ModelStep.respond(reply) for _ in range(steps))
    # The name under which its usage is recorded.
    model.model = "recorded"  # type: ignore[attr-defined]
    return model


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
    reply = recording.turns[at].replies[len(given)]
    if isinstance(reply, str):
        return assistant_message(reply, item_id=f"msg_{at}_{len(given)}")
    return function_call(reply.name, reply.arguments, call_id=reply.call_id)

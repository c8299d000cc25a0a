"""Lets the examples run without a key and without a network: a model that gives prepared answers.

For a real model, set OPENAI_API_KEY: then `scripted` returns ``None``, and an agent uses the SDK's default model.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from agents import Usage, set_tracing_disabled
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.items import TResponseOutputItem


class _Scripted(ScriptedModel):
    def __init__(self, steps: tuple[str | TResponseOutputItem, ...], model: str) -> None:
        super().__init__(ModelStep.respond(partial(self._respond, step)) for step in steps)
        self.model = model

    def _respond(self, step: str | TResponseOutputItem, call: ModelCall) -> ModelStep:
        """Answer with a step. Four letters are one token, as with real models, more or less."""
        number = len(self.calls)
        output: Any = assistant_message(step, item_id=f"msg_{id(self)}_{number}") if isinstance(step, str) else step
        read, written = len(str(call.input)) // 4, len(str(step)) // 4
        usage = Usage(requests=1, input_tokens=read, output_tokens=written, total_tokens=read + written)
        return ModelStep(output=[output], usage=usage, response_id=f"resp_{id(self)}_{number}")


def scripted(*steps: str | TResponseOutputItem, model: str = "scripted-model") -> ScriptedModel | None:
    """Return a model that gives these answers and tool calls, one at a time; ``None`` if there is a real key.

    Args:
        steps: Texts, and calls as `agents.testing.function_call` makes them.
        model: The name under which its usage is recorded.
    """
    if "OPENAI_API_KEY" in os.environ:
        return None
    # The SDK sends traces to its vendor unless told not to.
    set_tracing_disabled(disabled=True)
    return _Scripted(steps, model)


def answering(answer: Callable[[str], str], model: str = "scripted-model") -> ScriptedModel | None:
    """Return a model that answers each message with what a function makes of it; ``None`` if there is a real key."""
    scripted_model = scripted(model=model)
    if scripted_model is None:
        return None
    number = 0

    def respond(call: ModelCall) -> ModelStep:
        nonlocal number
        number += 1
        scripted_model.enqueue(step)  # For the next message.
        text = answer(call.input[-1]["content"])
        usage = Usage(requests=1, input_tokens=len(str(call.input)) // 4, output_tokens=len(text) // 4)
        output = [assistant_message(text, item_id=f"msg_{id(scripted_model)}_{number}")]
        return ModelStep(output=output, usage=usage, response_id=f"resp_{id(scripted_model)}_{number}")

    step = ModelStep.respond(respond)
    scripted_model.enqueue(step)
    return scripted_model

"""What goes into a model's script, and what then stands in the session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agents.testing import assistant_message, function_call

if TYPE_CHECKING:
    from agents.items import TResponseOutputItem
    from agents.testing import ScriptedModel


def says(text: str) -> TResponseOutputItem:
    """The model's answer."""
    return assistant_message(text, item_id=f"msg_{text}")


def calls(tool: str, call_id: str, **arguments: object) -> TResponseOutputItem:
    """The model's call of a tool."""
    return function_call(tool, arguments, call_id=call_id, item_id=f"fc_{call_id}")


def asked(text: str) -> dict[str, Any]:
    """The stored form of what a user said."""
    return {"content": text, "role": "user"}


def said(text: str) -> dict[str, Any]:
    """The stored form of an answer."""
    content = {"annotations": [], "text": text, "type": "output_text", "logprobs": []}
    return {"id": f"msg_{text}", "content": [content], "role": "assistant", "status": "completed", "type": "message"}


def called(tool: str, call_id: str, **arguments: object) -> dict[str, Any]:
    """The stored form of a call."""
    text = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return {"arguments": text, "call_id": call_id, "id": f"fc_{call_id}", "name": tool, "type": "function_call"}


def returned(call_id: str, output: object) -> dict[str, Any]:
    """The stored form of a tool's output."""
    return {"call_id": call_id, "output": output, "type": "function_call_output"}


def inputs(model: ScriptedModel) -> list[Any]:
    """What the model was given, call by call."""
    return [call.input for call in model.calls]

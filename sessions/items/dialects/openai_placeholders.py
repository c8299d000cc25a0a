"""Placeholders for the outputs of calls whose own output was never recorded, in the shape of each kind of call.

The shapes are those of the OpenAI API reference, "Responses: input items" and "Chat: messages".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sessions.items.parts import Call
    from sessions.types import Item

_BLACK_PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)


def placeholder_for(call: Call, text: str) -> Item:
    """Return an output for a call, which says `text` where its shape has room for a text.

    Nothing is said to have worked: commands and patches failed, approval is refused, no tools were found, programs came
    to no end, and the screenshot, which cannot be left out, is one black pixel.
    """
    type_, call_id = call
    shapes: dict[str, dict[str, Any]] = {
        "tool": {"role": "tool", "tool_call_id": call_id, "content": text},
        "function": {"role": "function", "name": call_id, "content": text},
        "mcp_approval_response": {
            "type": type_,
            "approval_request_id": call_id,
            "approve": False,
            "reason": text,
        },
        "tool_search_output": {
            "type": type_,
            "call_id": call_id,
            "execution": "client",
            "status": "incomplete",
            "tools": [],
        },
        "computer_call_output": {
            "type": type_,
            "call_id": call_id,
            "output": {"type": "computer_screenshot", "image_url": _BLACK_PIXEL},
        },
        "shell_call_output": {
            "type": type_,
            "call_id": call_id,
            "output": [{"stdout": "", "stderr": text, "outcome": {"type": "exit", "exit_code": 1}}],
        },
        "apply_patch_call_output": {"type": type_, "call_id": call_id, "status": "failed", "output": text},
        "program_output": {
            "type": type_,
            "id": f"po_{call_id}",
            "call_id": call_id,
            "result": text,
            "status": "incomplete",
        },
    }
    return shapes.get(type_) or {"type": type_, "call_id": call_id, "output": text}

"""Asking LangGraph for the classes of a graph's schema, so that a program need not list them.

LangGraph derives them when a graph is compiled, and gives them to its saver (``BaseCheckpointSaver.with_allowlist``),
but only if a switch is on: a variable of a module, which ``LANGGRAPH_STRICT_MSGPACK=true`` sets. The same environment
variable also makes every `JsonPlusSerializer` of the process return raw values for classes that it does not know. So
the switch alone is set here: savers that were made without the environment variable ignore the given classes.
"""

from __future__ import annotations

import importlib
from typing import Final

_MODULE: Final = "langgraph._internal._serde"
_SWITCH: Final = "STRICT_MSGPACK_ENABLED"


def ask_for_schemas() -> bool:
    """Have LangGraph give the classes of a graph's schema to its saver. Return whether this version of it can.

    Example: ``ask_for_schemas()``

    Without it, classes are listed by hand: ``types=[…]``, as `UndecodableStateError` says.
    """
    try:
        module = importlib.import_module(_MODULE)
    except ImportError:  # LangGraph's graphs are not installed, or it has another version.
        return False
    if not hasattr(module, _SWITCH):
        return False
    setattr(module, _SWITCH, True)
    return True

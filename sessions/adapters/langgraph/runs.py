"""Which run of a graph a call belongs to, and when that run ends.

LangGraph tells a saver neither. But the config of each call of a run has the run's ``Runtime`` (`langgraph.runtime`),
and that has two objects that stand for the run:

- ``stream_writer``, the function by which nodes write to the run's stream. LangGraph makes it anew for each run, and
  the run holds it until it ends; so it is the key, by a weak reference. A graph within a node may have one of its own.
- ``control``, which a run shares with all graphs within it: so these find the run around them.

A config without them, as of a program that calls a saver by itself, belongs to no run.
"""

from __future__ import annotations

import threading
import weakref
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from sessions.checkpoints.runs import Run

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

_RUNTIME: Final = "__pregel_runtime"
"""LangGraph's entry of ``configurable`` for the runtime (`langgraph._internal._constants.CONFIG_KEY_RUNTIME`)."""


_OF_A_CALL: Final = "<locals>"
"""In the qualified name of a function that a call has made."""


class Runs:
    """The runs that are under way. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._runs: weakref.WeakKeyDictionary[FunctionType, Run] = weakref.WeakKeyDictionary()
        # By the id of the run's control, which the run holds: so no other object has that id.
        self._around: weakref.WeakValueDictionary[int, Run] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._runs)

    def of(self, config: RunnableConfig) -> Run | None:
        """Return what is remembered of the run that a config belongs to, if it belongs to one."""
        configurable: dict[str, Any] = config.get("configurable") or {}
        runtime = configurable.get(_RUNTIME)
        token = getattr(runtime, "stream_writer", None)
        # A function of a module, as that of no run, would never go.
        if not isinstance(token, FunctionType) or _OF_A_CALL not in token.__qualname__:
            return None
        with self._lock:
            run = self._runs.get(token)
            if run is None:
                run = self._runs[token] = self._begun(configurable, getattr(runtime, "control", None))
            return run

    def _begun(self, configurable: dict[str, Any], control: object) -> Run:
        if configurable.get("checkpoint_ns"):
            return Run(None if control is None else self._around.get(id(control)))
        run = Run(holds=control)
        if control is not None:
            self._around[id(control)] = run
        return run

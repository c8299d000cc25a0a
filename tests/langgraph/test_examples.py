"""Each public method of the savers and serializers has one line of example in its docstring, which runs as written."""

from __future__ import annotations

import ast
import inspect
import os
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.graph import END, START, StateGraph

import sessions
from sessions.adapters import langgraph as ours
from tests.docstrings.examples import example_of
from tests.langgraph.graphs import Chat, chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CLASSES = (
    ours.SessionSaver, ours.SqliteSaver, ours.PostgresSaver, ours.InMemorySaver, ours.SafeSerializer,
    ours.EncryptedSerializer,
)  # fmt: skip
_WITHOUT = {"loads_typed", "with_msgpack_allowlist"}
"""LangGraph calls these methods of serializers, and no user."""


def _public() -> Iterator[tuple[str, Any]]:
    for kind in _CLASSES:
        yield kind.__name__, kind
        for base in kind.__mro__:
            for name, value in vars(base).items() if base.__module__.startswith("sessions.") else ():
                function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                if not name.startswith("_") and inspect.isfunction(function) and name not in _WITHOUT:
                    yield f"{base.__name__}.{name}", function


PUBLIC = dict(_public())


@pytest.mark.parametrize("name", PUBLIC)
async def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANGGRAPH_AES_KEY", "k" * 32)
    example = example_of(PUBLIC[name])
    assert example is not None
    builder = StateGraph(Chat)
    builder.add_node("answer", lambda _: {})
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    with ours.InMemorySaver(types=[Preferences]) as saver:
        chat(saver).invoke(said("hi"), thread())
        known = {one.__name__: one for one in _CLASSES} | {"os": os, "sessions": sessions, "Preferences": Preferences}
        known |= {"saver": saver, "builder": builder, "checkpoint": empty_checkpoint(), "versions": {}, "print": id}
        known["config"] = saver.get_tuple(thread()).config  # type: ignore[union-attr]  # it is there
        code = compile(example, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        waiting = eval(code, known)  # noqa: S307 - our own docstrings
        if waiting is not None:
            await waiting
        made = known["saver"]
        if made is not saver and isinstance(made, BaseCheckpointSaver):
            await made.aclose()  # type: ignore[attr-defined]  # it is one of ours

"""LangGraph is asked for the classes of a graph's schema, and other savers do not notice."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import logging, warnings
from langgraph.checkpoint.memory import InMemorySaver as Theirs
from tests.langgraph.graphs import chat, said, thread
records = []
class Keep(logging.Handler):
    def emit(self, record):
        records.append(record)
logging.getLogger().addHandler(Keep())
before = Theirs()
from sessions.adapters.langgraph import InMemorySaver
ours = InMemorySaver()
for theirs in (before, Theirs()):
    graph = chat(theirs)
    assert graph.checkpointer is theirs
    graph.invoke(said("hi"), thread())
    graph.invoke(said("hi"), thread())
    theme = theirs.get_tuple(thread()).checkpoint["channel_values"]["preferences"]
    assert type(theme).__name__ == "Preferences", theme
graph = chat(ours)
assert graph.checkpointer is ours
graph.invoke(said("hi"), thread())
assert graph.invoke(said("hi"), thread())["preferences"].theme == "theme 3"
assert not [record for record in records if "allowlist" in record.getMessage()], records
"""


def test_other_savers_are_as_before() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", _PROGRAM], check=True)


def test_strict_mode_changes_nothing_here() -> None:
    program = """
from sessions.adapters.langgraph import InMemorySaver
from tests.langgraph.graphs import chat, said, thread
graph = chat(InMemorySaver())
graph.invoke(said("hi"), thread())
assert graph.invoke(said("hi"), thread())["preferences"].theme == "theme 3"
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"LANGGRAPH_STRICT_MSGPACK": "true"})

"""A graph whose process ends in the middle, and goes on in another one: its history is on disk.

pip install 'agent-session-store[langgraph,local]' langgraph
python restart.py                      # the data is in restart.db
python restart.py mine.db              # or in another file
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from sessions import StoreError
from sessions.adapters.langgraph import SessionStore, SqliteSaver, SqliteStore

CONFIG: Any = {"configurable": {"thread_id": "user_42_session_1"}}


class State(TypedDict, total=False):
    """The state of a research."""

    task: str
    approved: bool
    report: str


def ask(state: State) -> State:
    """Wait for a human."""
    return {"approved": interrupt(f"May I {state['task']}?")}


def write(state: State) -> State:
    """Write the report."""
    return {"report": f"This is the report: {state['task']}." if state["approved"] else "It was not allowed."}


def build(saver: SqliteSaver) -> Any:
    """Compile the graph."""
    builder = StateGraph(State)
    builder.add_sequence([("ask", ask), ("write", write)])
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=saver)


def history(graph: Any) -> None:
    """Print the checkpoints, the newest first."""
    for state in graph.get_state_history(CONFIG):
        id_ = state.config["configurable"]["checkpoint_id"]
        print(f"  {id_[:13]}  next: {', '.join(state.next) or 'nothing':9}  {', '.join(state.values) or 'no values'}")


def begin(path: str) -> None:
    """Run until the question, and end without a farewell, as in a power cut."""
    graph = build(SqliteSaver.from_conn_string(path))
    graph.invoke({"task": "research the new LLM releases"}, CONFIG)
    print(f"process {os.getpid()} ends; its history:")
    history(graph)
    sys.stdout.flush()
    os._exit(0)


def resume(path: str) -> None:
    """Find the history of the other process, answer the question, and remember the result."""
    with SqliteSaver.from_conn_string(path) as saver:
        graph = build(saver)
        print(f"process {os.getpid()} finds:")
        history(graph)
        graph.invoke(Command(resume=True), CONFIG)
        print("and after it went on:")
        history(graph)
        with SqliteStore.from_conn_string(path, index={"dims": 256, "embed": "local"}) as store:
            store.put(("user_42", "reports"), "llm_releases", {"text": load_historical_context(saver)["report"]})
            (found, *_) = store.search(("user_42", "reports"), query="What is new in language models?")
            print(f"\nfor later sessions: {found['text']}")
            report(path, store)


def load_historical_context(saver: SqliteSaver) -> dict[str, Any]:
    """Return the final values of the thread."""
    found = saver.get_tuple(CONFIG)
    return found.checkpoint["channel_values"] if found else {}


def report(path: str, store: SessionStore) -> None:
    """Print what somebody needs who wants to see the same."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("agent-session-store", "langgraph", "wordllama"))
    print(f"\nversions:        {packages}; Python {platform.python_version()}")
    print(f"data path:       {Path(path).resolve()}")
    for model, vectors in store.status().models.items():
        print(f"embedding model: {model}, {vectors} memory with vectors")


def main(path: str) -> None:
    """Run both processes, one after the other."""
    for step in ("begin", "resume"):
        subprocess.run([sys.executable, __file__, path, step], check=True)  # noqa: S603 - this program itself


if __name__ == "__main__":
    path, *step = sys.argv[1:] or ["restart.db"]
    try:
        {"begin": begin, "resume": resume}.get("".join(step), main)(path)
    except StoreError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)

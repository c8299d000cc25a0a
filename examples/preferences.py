"""An agent that remembers its users' preferences across conversations: found by meaning, expiring, and encrypted.

pip install 'agent-session-store[langgraph,local]' langgraph
python preferences.py                  # the data is in preferences.db
python preferences.py mine.db          # or in another file; run it again: it remembers
"""

from __future__ import annotations

import asyncio
import platform
import sys
from importlib.metadata import version
from operator import add
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.base import BaseStore  # noqa: TC002 - LangGraph reads the annotations of nodes

from sessions import EncryptedSession, SessionsError, SQLiteSession, generate_key
from sessions.adapters.langgraph import SessionStore, SqliteSaver, SqliteStore

DAY = 24 * 60  # LangGraph counts the time to live in minutes.
KEYWORDS = {
    "detailed": "detailed_explanations",
    "concise": "concise_responses",
    "examples": "include_examples",
    "formal": "formal_tone",
    "casual": "casual_tone",
}


class PreferenceState(MessagesState):
    """The state of a conversation."""

    user_id: str
    detected_preferences: Annotated[list[str], add]


def detect_preferences_node(state: PreferenceState, store: BaseStore) -> dict[str, Any]:
    """Find the user's preferences in the last message, and remember them for ninety days after they were last used."""
    said = str(state["messages"][-1].content)
    detected = [preference for word, preference in KEYWORDS.items() if word in said.lower()]
    for preference in detected:
        value = {"text": f"{preference.replace('_', ' ')}: {said}", "active": True}
        store.put((state["user_id"], "preferences"), preference, value, ttl=90 * DAY)
    return {"detected_preferences": detected}


def respond_node(state: PreferenceState, store: BaseStore) -> dict[str, Any]:
    """Answer by the preferences of this and all earlier conversations."""
    known = ", ".join(item.key for item in store.search((state["user_id"], "preferences")))
    note = f"[Using preferences: {known}]" if known else "[No preferences stored yet]"
    return {"messages": [{"role": "assistant", "content": f"{note} Here's my response..."}]}


def build(saver: SqliteSaver, store: SessionStore) -> Any:
    """Compile the graph."""
    builder = StateGraph(PreferenceState)
    builder.add_node("detect", detect_preferences_node)
    builder.add_node("respond", respond_node)
    builder.add_edge(START, "detect")
    builder.add_edge("detect", "respond")
    builder.add_edge("respond", END)
    return builder.compile(checkpointer=saver, store=store)


def key_beside(path: Path) -> str:
    """Return the key of a file. A program of yours has it in a secret store, not beside the data."""
    file = path.with_suffix(".key")
    if not file.exists():
        file.write_text(generate_key(), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def main(path: Path) -> None:
    """Have two conversations with one user, and look for a preference by meaning."""
    key = key_beside(path)
    index = {"dims": 256, "embed": "local", "fields": ["text"]}
    with (
        SqliteSaver.from_conn_string(str(path), encryption_key=key) as saver,
        SqliteStore.from_conn_string(str(path), index=index, encryption_key=key) as store,
    ):
        graph = build(saver, store)
        for number, said in enumerate(
            ("I prefer detailed explanations with examples", "Tell me about state management"), 1
        ):
            config = {"configurable": {"thread_id": f"conv_{number:03}"}}
            message = {"role": "user", "content": said}
            result = graph.invoke({"messages": [message], "user_id": "alice", "detected_preferences": []}, config)
            answer = result["messages"][-1].content
            print(f"Conv {number}:", answer)
            asyncio.run(keep(path, key, [message, {"role": "assistant", "content": answer}]))

        (found, *_) = store.search(("alice", "preferences"), query="How long should my answers be?")
        print(f"\nfound by meaning: {found.key} ({found.score:.2f})")
        memory = asyncio.run(store.memories.get(("alice", "preferences"), found.key))
        if memory is not None:
            print(f"kept until:       {memory.expires_at:%Y-%m-%d}, or ninety days after its next use")
        readable = any(b"prefer detailed" in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        print(f"in the file:      {'readable' if readable else 'not readable'}")
        report(path, store)


async def keep(path: Path, key: str, items: list[dict[str, str]]) -> None:
    """Keep the conversation in a session beside it, encrypted as well."""
    session = EncryptedSession("alice", SQLiteSession("alice", path), key, ttl=None)
    await session.add_items(items)
    await session.aclose()


def report(path: Path, store: SessionStore) -> None:
    """Print what somebody needs who wants to see the same."""
    status = store.status()
    packages = ", ".join(f"{name} {version(name)}" for name in ("agent-session-store", "langgraph", "wordllama"))
    print(f"\nversions:         {packages}; Python {platform.python_version()}")
    print(f"data path:        {path.resolve()}")
    for model, vectors in status.models.items():
        print(f"embedding model:  {model}, {vectors} memories with vectors")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "preferences.db"))
    except (OSError, SessionsError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")

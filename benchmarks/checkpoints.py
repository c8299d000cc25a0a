"""Bytes and times of a graph's checkpoints, beside LangGraph's saver for SQLite: ``python -m benchmarks.checkpoints``.

A real graph runs once, on a saver that notes what it is asked; then each side is asked the same. The limit is a table
with a row for each call, committed each, which holds only what is new in it.
"""

from __future__ import annotations

import copy
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any, Final, NamedTuple

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from sessions.adapters.langgraph import SessionSaver

_THREAD: Final = "t"
_SERDE: Final = JsonPlusSerializer()


class Call(NamedTuple):
    """What a graph asks of its saver."""

    name: str
    arguments: tuple[Any, ...]


class Noting(InMemorySaver):
    """Notes the calls that change something."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def put(self, *arguments: Any) -> Any:
        """Note and do it."""
        self.calls.append(Call("put", copy.deepcopy(arguments)))
        return super().put(*arguments)

    def put_writes(self, *arguments: Any) -> Any:
        """Note and do it."""
        self.calls.append(Call("put_writes", copy.deepcopy(arguments)))
        return super().put_writes(*arguments)


def _added(old: list[Any], new: list[Any]) -> list[Any]:
    return [*old, *new]


class Chat(TypedDict):
    """Messages that are added."""

    messages: Annotated[list[dict[str, str]], _added]


class Window(TypedDict):
    """The last messages."""

    messages: list[dict[str, str]]


class Files(TypedDict):
    """A virtual file system."""

    files: dict[str, str]


class Text(TypedDict):
    """A document."""

    text: str


def _text(seed: int, size: int) -> str:
    return "".join(f"{seed * 7919 + number * 104729:x} " for number in range(size // 8))[:size]


def _message(role: str, number: int) -> dict[str, str]:
    return {"role": role, "content": _text(number, 480)}


def _graph(state: Any, node: Any, saver: Any) -> Any:
    return StateGraph(state).add_node("node", node).add_edge(START, "node").compile(checkpointer=saver)


def _chat(saver: Any, turns: int) -> None:
    graph = _graph(Chat, lambda state: {"messages": [_message("assistant", len(state["messages"]))]}, saver)
    for turn in range(turns):
        graph.invoke({"messages": [_message("user", -turn)]}, _CONFIG)


def _window(saver: Any, turns: int) -> None:
    def node(state: Window) -> Window:
        return {"messages": [*state["messages"][-19:], _message("assistant", len(_seen))]}

    graph = _graph(Window, node, saver)
    messages: list[dict[str, str]] = []
    for turn in range(turns):
        _seen.append(turn)
        messages = graph.invoke({"messages": [*messages[-19:], _message("user", -turn)]}, _CONFIG)["messages"]


def _files(saver: Any, turns: int) -> None:
    files = {f"file{number}": _text(number, 10_000) for number in range(100)}
    graph = _graph(
        Files,
        lambda state: {"files": {**state["files"], f"file{len(_seen) % 100}": _text(len(_seen) + 1000, 10_000)}},
        saver,
    )
    for turn in range(turns):
        _seen.append(turn)
        files = graph.invoke({"files": files}, _CONFIG)["files"]


_seen: list[int] = []


def _document(saver: Any, turns: int) -> None:
    text = _text(1, 1_000_000)

    def node(state: Text) -> Text:
        at = len(_seen) * 7919 % 900_000
        return {"text": f"{state['text'][:at]}{_text(at, 60)}{state['text'][at + 60 :]}"}

    graph = _graph(Text, node, saver)
    for turn in range(turns):
        _seen.append(turn)
        text = graph.invoke({"text": text}, _CONFIG)["text"]


_CONFIG: Final[Any] = {"configurable": {"thread_id": _THREAD}}
WORKLOADS: Final = {
    "chat, 200 turns": (_chat, 200),
    "chat, 400 turns": (_chat, 400),
    "window of 20, 300 turns": (_window, 300),
    "100 files of 10 KB, 60 turns": (_files, 60),
    "text of 1 MB, 40 turns": (_document, 40),
}


def _size(value: Any) -> int:
    return len(_SERDE.dumps_typed(value)[1])


def _new_bytes(old: Any, new: Any) -> int:
    """Return the bytes of what is new in a value."""
    if old == new:
        return 0
    if isinstance(new, list) and isinstance(old, list):
        return sum(_size(item) for item in new if item not in old)
    if isinstance(new, dict) and isinstance(old, dict):
        return sum(len(key) + _size(item) for key, item in new.items() if old.get(key) != item)
    if isinstance(new, str) and isinstance(old, str):
        same = 0
        while new[same : same + 4096] == old[same : same + 4096] and same < len(new):
            same += 4096
        return min(len(new) - same, 4096 + 60)
    return _size(new)


class Limit:
    """A table of a row for each call with only what is new in it."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(
            "pragma journal_mode=wal; pragma synchronous=full; create table rows (id integer primary key, data blob)"
        )
        self._values: dict[str, Any] = {}

    def put(self, config: Any, checkpoint: Any, metadata: Any, versions: Any) -> None:
        """Store what is new of a checkpoint."""
        del config, versions
        values = checkpoint["channel_values"]
        head = {key: value for key, value in checkpoint.items() if key != "channel_values"}
        size = _size(head) + _size(metadata)
        size += sum(_new_bytes(self._values.get(name), value) for name, value in values.items())
        self._values = values
        self.store(size)

    def put_writes(self, config: Any, writes: Any, task_id: Any, task_path: Any = "") -> None:
        """Store what is new of writes."""
        del config, task_path
        self.store(len(task_id) + sum(_new_bytes(self._values.get(name), value) for name, value in writes))

    def store(self, size: int) -> None:
        """Store so many bytes."""
        self._connection.execute("insert into rows (data) values (?)", (b"x" * size,))

    def close(self) -> None:
        """Close the file."""
        self._connection.execute("pragma wal_checkpoint(truncate)")
        self._connection.close()


class Official:
    """LangGraph's saver for SQLite."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self.saver = SqliteSaver(self._connection)
        self.saver.setup()
        self._connection.execute("pragma synchronous=full")
        self.put, self.put_writes, self.get_tuple = self.saver.put, self.saver.put_writes, self.saver.get_tuple

    def close(self) -> None:
        """Close the file."""
        self._connection.execute("pragma wal_checkpoint(truncate)")
        self._connection.close()


def _replay(side: Any, calls: list[Call]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"put": [], "put_writes": []}
    for name, arguments in calls:
        do = getattr(side, name)
        begun = perf_counter()
        do(*arguments)
        times[name].append((perf_counter() - begun) * 1000)
    return times


def _read(side: Any) -> float:
    times = []
    for _ in range(20):
        begun = perf_counter()
        side.get_tuple(_CONFIG)
        times.append((perf_counter() - begun) * 1000)
    return median(times)


def _row(name: str, side: str, path: Path, times: dict[str, list[float]], reading: float) -> None:
    size = sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*")) / 1e6
    late = median(times["put"][-50:])
    print(
        f"| {name} | {side} | {size:.2f} | {median(times['put']):.2f} | {late:.2f} | {median(times['put_writes']):.2f} "
        f"| {reading:.2f} |"
    )


def main() -> None:
    """Print a row for each workload and side."""
    print("| workload | side | MB | put, ms | last 50 puts, ms | put_writes, ms | read, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, (work, turns) in WORKLOADS.items():
        noting = Noting()
        work(noting, turns)
        calls = noting.calls
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "limit.db"
            with closing(Limit(str(path))) as limit:
                times = _replay(limit, calls)
            _row(name, "limit", path, times, 0)
            path = Path(folder) / "ours.db"
            with closing(SessionSaver(f"sqlite:///{path}")) as ours:
                times = _replay(ours, calls)
                reading = _read(ours)
            _row(name, "ours", path, times, reading)
            path = Path(folder) / "theirs.db"
            with closing(Official(str(path))) as theirs:
                times = _replay(theirs, calls)
                reading = _read(theirs)
            _row(name, "theirs", path, times, reading)


if __name__ == "__main__":
    main()

"""Workloads: real graphs, and what they ask of their saver, noted once to be asked of each side."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

SERDE: Final = JsonPlusSerializer(allowed_msgpack_modules=None)
CONFIG: Final[Any] = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
_KEYS: Final = ("thread_id", "checkpoint_ns", "checkpoint_id")


class Call(NamedTuple):
    """What a graph asks of its saver.

    Attributes:
        name: The method.
        arguments: Its arguments.
        size: The bytes of what is new in them.
        changed: The values whose version moved; of writes, those that were written.
    """

    name: str
    arguments: tuple[Any, ...]
    size: int
    changed: tuple[Any, ...]


class _Noting(InMemorySaver):
    """Notes the calls that change something, as they were when they came."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._old: dict[str, list[bytes]] = {}

    def put(self, config: Any, checkpoint: Any, metadata: Any, versions: Any) -> Any:
        """Note and do it."""
        values = {name: _copied(value) for name, value in checkpoint["channel_values"].items()}
        head = copy.deepcopy({name: value for name, value in checkpoint.items() if name != "channel_values"})
        new = {name: _parts(values[name]) for name in versions if name in values}
        size = _size(head) + _size(metadata) + sum(self._new_bytes(name, parts) for name, parts in new.items())
        self._old |= new
        changed = tuple(values[name] for name in new)
        given = _plain(config), {**head, "channel_values": values}, copy.deepcopy(metadata), dict(versions)
        self.calls.append(Call("put", given, size, changed))
        return super().put(config, checkpoint, metadata, versions)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        """Note and do it."""
        given = [(name, _copied(value)) for name, value in writes]
        size = len(task_id) + sum(self._new_bytes(name, _parts(value)) for name, value in given)
        values = tuple(value for _, value in given)
        self.calls.append(Call("put_writes", (_plain(config), given, task_id, task_path), size, values))
        super().put_writes(config, writes, task_id, task_path)

    def _new_bytes(self, name: str, parts: list[bytes]) -> int:
        old = self._old.get(name, [])
        if len(parts) == len(old) == 1:
            return _between(old[0], parts[0])
        known = set(old)
        return sum(len(part) for part in parts if part not in known)


class _Counting(_Noting):
    """The same, with versions as ours has them."""

    def get_next_version(self, current: Any, channel: None = None) -> Any:
        """Return the next number."""
        del channel
        return 1 if current is None else current + 1


def _plain(config: Any) -> Any:
    return {"configurable": {key: config["configurable"][key] for key in _KEYS if key in config["configurable"]}}


def _copied(value: Any) -> Any:
    return value.copy() if type(value) in (list, dict) else value


def _size(value: Any) -> int:
    return len(SERDE.dumps_typed(value)[1])


def _parts(value: Any) -> list[bytes]:
    if type(value) is list:
        return [SERDE.dumps_typed(item)[1] for item in value]
    if type(value) is dict:
        return [key.encode() + SERDE.dumps_typed(item)[1] for key, item in value.items()]
    return [SERDE.dumps_typed(value)[1]]


def _between(old: bytes, new: bytes) -> int:
    """Return how many bytes are new between the common beginning and the common end."""
    head, stop, at = 0, min(len(old), len(new)), 4096
    while at <= stop and old[:at] == new[:at]:
        head, at = at, at + 4096
    tail, at = 0, 4096
    while at <= stop - head and old[-at:] == new[-at:]:
        tail, at = at, at + 4096
    return min(len(new) - head - tail, 60) if old != new else 0


def _added(old: list[Any], new: list[Any]) -> list[Any]:
    return [*old, *new]


class _Plain(TypedDict):
    """Messages that are added, as dictionaries."""

    messages: Annotated[list[dict[str, str]], _added]


class _Window(TypedDict):
    """The last messages."""

    messages: list[dict[str, str]]


class _Files(TypedDict):
    """A virtual file system."""

    files: dict[str, str]


class _Text(TypedDict):
    """A document."""

    text: str


def text(seed: int, size: int) -> str:
    """Return so many letters."""
    return "".join(f"{seed * 7919 + number * 104729:x} " for number in range(size // 8))[:size]


def _message(role: str, number: int) -> dict[str, str]:
    return {"role": role, "content": text(number, 480)}


def _graph(state: Any, node: Any, saver: Any) -> Any:
    return StateGraph(state).add_node("node", node).add_edge(START, "node").compile(checkpointer=saver)


def _chat(saver: Any, turns: int) -> None:
    def node(state: MessagesState) -> Any:
        number = len(state["messages"])
        return {"messages": [AIMessage(text(number, 480), id=f"answer {number}")]}

    graph = _graph(MessagesState, node, saver)
    for turn in range(turns):
        graph.invoke({"messages": [HumanMessage(text(-turn, 480), id=f"question {turn}")]}, CONFIG)


def _plain_chat(saver: Any, turns: int) -> None:
    graph = _graph(_Plain, lambda state: {"messages": [_message("assistant", len(state["messages"]))]}, saver)
    for turn in range(turns):
        graph.invoke({"messages": [_message("user", -turn)]}, CONFIG)


def _steps(state: Any, node: Any, saver: Any, begin: Any, count: int) -> None:
    """Run a graph whose node changes its state so many times, in one run: each time there is a checkpoint.

    Each checkpoint is put before the node goes on, as where nodes call models: here they take no time.
    """
    made = 0

    def step(state: Any) -> Any:
        nonlocal made
        made += 1
        return node(state, made)

    graph = StateGraph(state).add_node("node", step).add_edge(START, "node")
    graph.add_conditional_edges("node", lambda _: "node" if made < count else END, ["node", END])
    config: Any = {**CONFIG, "recursion_limit": count + 2}
    graph.compile(checkpointer=saver).invoke(begin, config, durability="sync")


def _window(saver: Any, steps: int) -> None:
    def node(state: _Window, number: int) -> Any:
        return {"messages": [*state["messages"][-19:], _message("assistant", number)]}

    _steps(_Window, node, saver, {"messages": [_message("user", 0)]}, steps)


def _files(saver: Any, steps: int) -> None:
    def node(state: _Files, number: int) -> Any:
        return {"files": {**state["files"], f"file{number % 100}": text(number + 1000, 10_000)}}

    _steps(_Files, node, saver, {"files": {f"file{number}": text(number, 10_000) for number in range(100)}}, steps)


def _document(saver: Any, steps: int) -> None:
    def node(state: _Text, number: int) -> Any:
        at = number * 7919 % 900_000
        return {"text": f"{state['text'][:at]}{text(at, 60)}{state['text'][at + 60 :]}"}

    _steps(_Text, node, saver, {"text": text(1, 1_000_000)}, steps)


CHAT: Final = "a chat of 400 messages"
TWICE: Final = "a chat of 800 messages"
PLAIN: Final = "a chat of 400 dictionaries"
WINDOW: Final = "a window of 20 messages, 1,000 steps"
FILES: Final = "100 files of 10 KB, 200 steps"
DOCUMENT: Final = "a text of 1 MB, 200 steps"

WORKLOADS: Final[dict[str, tuple[Callable[[Any, int], None], int]]] = {
    CHAT: (_chat, 200), TWICE: (_chat, 400), PLAIN: (_plain_chat, 200), WINDOW: (_window, 1_000), FILES: (_files, 200),
    DOCUMENT: (_document, 200),
}  # fmt: skip


def noted(name: str, *, quick: bool, texts: bool = False) -> list[Call]:
    """Return what a workload asks of its saver.

    Args:
        name: The workload.
        quick: A tenth of it.
        texts: With versions as LangGraph's savers for databases have them, which are texts.
    """
    work, count = WORKLOADS[name]
    noting = _Noting() if texts else _Counting()
    work(noting, count // 10 if quick else count)
    return noting.calls

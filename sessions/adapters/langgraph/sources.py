"""Where threads are adopted from: the tables of an official saver in the same database, or any other saver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver

from sessions.adapters.langgraph.official import (
    OfficialStep,
    Step,
    decode_step,
    find_steps,
    find_threads,
    read_step,
)
from sessions.waits.blocking import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from langchain_core.runnables import RunnableConfig

    from sessions.db import Backend

_AT_ONCE: Final = 500


class Source(Protocol):
    """Threads that can be adopted."""

    def threads(self) -> AsyncIterator[str]:
        """Yield the threads' ids."""
        ...

    async def steps(self, thread_id: str) -> list[Step]:
        """Return a thread's checkpoints, oldest first."""
        ...

    async def read(self, thread_id: str, step: Step) -> OfficialStep | None:
        """Return a checkpoint; ``None`` if it has gone."""
        ...


class OwnTables:
    """An official saver's tables in the database of a store.

    Args:
        backend: The database.
        loads: Deserializes a value.
    """

    def __init__(self, backend: Backend, loads: Callable[[tuple[str, bytes]], Any]) -> None:
        self._backend = backend
        self._loads = loads

    async def threads(self) -> AsyncIterator[str]:
        """Yield the threads' ids, in their order."""
        after = ""
        while True:
            last = after
            found = await self._backend.read(lambda tx: find_threads(tx, last, _AT_ONCE), "LangGraph's tables")  # noqa: B023 - awaited at once
            for thread_id in found:
                yield thread_id
            if len(found) < _AT_ONCE:
                return
            after = found[-1]

    async def steps(self, thread_id: str) -> list[Step]:
        """Return a thread's checkpoints."""
        return await self._backend.read(lambda tx: find_steps(tx, thread_id), f"thread {thread_id!r}")

    async def read(self, thread_id: str, step: Step) -> OfficialStep | None:
        """Return a checkpoint."""
        stored = await self._backend.read(lambda tx: read_step(tx, thread_id, step), f"thread {thread_id!r}")
        return None if stored is None else await in_thread(decode_step, stored, self._loads)


class OtherSaver:
    """Any saver of LangGraph's interface, asked from another thread by its methods without ``async`` if it has them.

    Args:
        saver: The saver.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self._saver = saver
        self._is_async_only = type(saver).get_tuple is BaseCheckpointSaver.get_tuple

    async def threads(self) -> AsyncIterator[str]:
        """Yield the threads' ids. LangGraph's interface knows no list of threads, so this reads all checkpoints."""
        seen = set[str]()
        for thread_id, _ in await self._all(None):
            if thread_id not in seen:
                seen.add(thread_id)
                yield thread_id

    async def steps(self, thread_id: str) -> list[Step]:
        """Return a thread's checkpoints."""
        found = await self._all({"configurable": {"thread_id": thread_id}})
        return sorted((step for _, step in found), key=lambda step: (step.checkpoint_id, step.ns))

    async def read(self, thread_id: str, step: Step) -> OfficialStep | None:
        """Return a checkpoint."""
        config: RunnableConfig = {
            "configurable": {"thread_id": thread_id, "checkpoint_ns": step.ns, "checkpoint_id": step.checkpoint_id}
        }
        if self._is_async_only:
            found = await self._saver.aget_tuple(config)
        else:
            found = await in_thread(self._saver.get_tuple, config)
        if found is None:
            return None
        parent = (found.parent_config or {}).get("configurable", {}).get("checkpoint_id")
        return OfficialStep(parent, dict(found.checkpoint), dict(found.metadata), _numbered(found.pending_writes or []))

    async def _all(self, config: RunnableConfig | None) -> list[tuple[str, Step]]:
        """Return all checkpoints' places; their states are read and dropped one by one."""
        if self._is_async_only:
            return [_place(found.config) async for found in self._saver.alist(config)]
        return await in_thread(lambda: [_place(found.config) for found in self._saver.list(config)])


def _place(config: RunnableConfig) -> tuple[str, Step]:
    configurable = config["configurable"]
    step = Step(str(configurable.get("checkpoint_ns") or ""), str(configurable["checkpoint_id"]))
    return str(configurable["thread_id"]), step


def _numbered(writes: list[tuple[str, str, Any]]) -> list[tuple[str, str, int, str, Any]]:
    """Return writes with their indexes, and with paths that keep their order: the interface does not tell paths."""
    tasks = list(dict.fromkeys(task_id for task_id, _, _ in writes))
    paths = dict.fromkeys(tasks, "") if tasks == sorted(tasks) else {task: f"{at:08}" for at, task in enumerate(tasks)}
    counts = dict.fromkeys(tasks, 0)
    numbered = []
    for task_id, channel, value in writes:
        index = WRITES_IDX_MAP.get(channel)
        if index is None:
            index = counts[task_id]
            counts[task_id] += 1
        numbered.append((task_id, paths[task_id], index, channel, value))
    return numbered

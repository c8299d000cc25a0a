"""`SessionSaver`: LangGraph's checkpoints in a store, for sync and async at once."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from sessions.adapters.langgraph.clocks import warn_of_clock
from sessions.adapters.langgraph.configs import Config
from sessions.adapters.langgraph.keeping import Keeping
from sessions.checkpoints.values import Place, Query
from sessions.waits.blocking import in_thread, without_loop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
    )

    from sessions.checkpoints.values import Checkpoint as Stored

_AT_ONCE: Final = 256 * 1024
"""Bytes that are decoded on the event loop itself; what is larger is decoded on another thread."""


class SessionSaver(Keeping):
    """A saver for LangGraph that stores only the changes of a thread's state.

    Example: ``graph = builder.compile(checkpointer=SessionSaver("sqlite:///state.db"))``

    One object serves `invoke` and `ainvoke`, from any thread and event loop. Making it does no I/O. It may be used in
    ``with`` and ``async with``, which close it.

    Args:
        store: A URL as for `sessions.open_store`, an engine of ``create_async_engine``, or an open store: then
            sessions, memories and threads are in one database, and the store's `encryption_key` encrypts them all.
        serde: The serializer, as for any saver of LangGraph; `SafeSerializer` by default.
        types: Classes that the state may have, besides those of the graph's schema, as for `SafeSerializer`.
        owner: The owner of all threads of this saver: those of others are refused, with `ThreadOwnerError`.
        owner_key: The entry of a config's ``configurable`` that names the thread's owner, as in ``"user_id"``.
        ttl: Seconds after its last change for which a thread is kept; ``None`` for ever.
        second_writer: The fate of a second run that writes to a thread while another one does. ``"fork"`` keeps
            both, as LangGraph's savers do, and the later checkpoint is the thread's latest; ``"raise"`` refuses the
            later step with `ThreadConflictError`; then a run from an older checkpoint begins with
            ``graph.update_state(old.config, None)``.
        adopt: ``"first touch"`` to take over each thread that an official saver of LangGraph left in this database when
            it is first used; see `adopt`.
        options: Arguments of `sessions.open_store` for a URL or an engine: ``table_prefix``, ``schema``,
            ``encryption_key``, ``create_tables``, ``engine_kwargs`` and so on. Tables are created by default.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or a URL names no known database.
    """

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint with its pending writes: the config's, or the thread's latest.

        Example: ``found = saver.get_tuple({"configurable": {"thread_id": "1"}})``

        Raises:
            MissingThreadIdError: The config names no thread.
            UndecodableStateError: The state has a class that may not be revived, or is damaged.
            ThreadOwnerError: The thread belongs to another owner.
            StoreError: The database refused the operation.
        """
        return without_loop(self._get(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do the same as `get_tuple`.

        Example: ``found = await saver.aget_tuple({"configurable": {"thread_id": "1"}})``
        """
        return await self._get(config)

    async def _get(self, config: RunnableConfig) -> CheckpointTuple | None:
        parsed = self._parsed(config)
        await self._before(parsed.place.thread_id)
        found = await self._kept.read(parsed.place, parsed.checkpoint_id, run=self._runs.of(config))
        return None if found is None else await self._tuple(found, parsed)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, newest first: of a thread, or of all threads if `config` is ``None``.

        Example: ``steps = list(saver.list({"configurable": {"thread_id": "1"}}, limit=10))``

        Args:
            config: The thread; with a namespace or a checkpoint, only these.
            filter: Entries that the checkpoints' metadata must have: any keys, compared with ``==``.
            before: The config of a checkpoint: only earlier ones.
            limit: At most so many.

        Raises:
            MissingThreadIdError: The config names no thread.
            UndecodableStateError: The state has a class that may not be revived, or is damaged.
            StoreError: The database refused the operation.
        """
        pages = self._list(config, filter, before, limit)
        try:
            while True:
                try:
                    found = without_loop(anext(pages))
                except StopAsyncIteration:
                    return
                yield found
        finally:
            without_loop(pages.aclose())

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Do the same as `list`.

        Example: ``steps = [step async for step in saver.alist({"configurable": {"thread_id": "1"}})]``
        """
        async for found in self._list(config, filter, before, limit):
            yield found

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, durably when this returns, and return its config. LangGraph calls it after each step.

        Example: ``config = saver.put(config, checkpoint, {"source": "loop", "step": 1}, versions)``

        Storing the same checkpoint again changes nothing; another one of the same id replaces it.

        Args:
            config: The thread, and the checkpoint that this one follows.
            checkpoint: The checkpoint. Its values are serialized before this waits for anything.
            metadata: Its metadata. The scalars of the config's ``metadata`` and ``configurable`` are added.
            new_versions: The channels that changed since the checkpoint before. A value that is not among them is taken
                from there; if it is not there, it is stored all the same.

        Raises:
            MissingThreadIdError: The config names no thread.
            ThreadOwnerError: The thread belongs to another owner.
            ThreadGoneError: The thread was deleted while its run went on.
            ThreadConflictError: With ``second_writer="raise"``: another run wrote to the thread meanwhile.
            StoreError: The database refused the operation; nothing was stored.
        """
        return without_loop(self._put(config, checkpoint, metadata, new_versions))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Do the same as `put`. A cancelled caller finds the checkpoint stored wholly or not at all.

        Example: ``config = await saver.aput(config, checkpoint, {"source": "loop", "step": 1}, versions)``
        """
        return await self._put(config, checkpoint, metadata, new_versions)

    async def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        parsed, run = self._parsed(config), self._runs.of(config)
        with self._kept.putting(parsed.place, checkpoint["id"], run) as putting:
            new = self._states.checkpoint(
                config, parsed, checkpoint, metadata, new_versions, one_writer=self._second_writer == "raise",
                before=self._kept.remembered(parsed.place),
            )  # fmt: skip
            await self._before(parsed.place.thread_id)
            await self._kept.put(parsed.place, new, run=run, putting=putting)
        warn_of_clock(parsed.subject, new.checkpoint_id, new.parent_id)
        return parsed.of(new.checkpoint_id)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes of a task, before its step ends. LangGraph calls it after each task.

        Example: ``saver.put_writes(config, [("messages", ["hello"])], task_id="task-1")``

        It may come before the checkpoint that it belongs to. A repetition changes nothing, but for errors, interrupts
        and answers to them, which it replaces.

        Args:
            config: The thread and the checkpoint.
            writes: Channels and values, in order.
            task_id: The task.
            task_path: Its path, by which the writes of a step are ordered.

        Raises:
            MissingThreadIdError: The config names no thread.
            ThreadOwnerError: The thread belongs to another owner.
            ThreadGoneError: The thread was deleted while its run went on.
            StoreError: The database refused the operation; nothing was stored.
        """
        without_loop(self._put_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Do the same as `put_writes`.

        Example: ``await saver.aput_writes(config, [("messages", ["hello"])], task_id="task-1")``
        """
        await self._put_writes(config, writes, task_id, task_path)

    async def _put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> None:
        parsed = self._parsed(config)
        encoded = self._states.writes(writes)
        await self._before(parsed.place.thread_id)
        run = self._runs.of(config)
        await self._kept.put_writes(parsed.place, parsed.checkpoint_id or "", task_id, task_path, encoded, run=run)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the writes and the earlier value of which LangGraph rebuilds a ``DeltaChannel``, as of a checkpoint.

        Example: ``history = saver.get_delta_channel_history(config=config, channels=["messages"])``

        It follows the checkpoints' parents, so a fork never sees the writes of the branch that it left.
        """
        return without_loop(self._history(config, channels))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Do the same as `get_delta_channel_history`.

        Example: ``history = await saver.aget_delta_channel_history(config=config, channels=["messages"])``
        """
        return await self._history(config, channels)

    async def _history(self, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        parsed = self._parsed(config)
        if not channels:
            return {}
        await self._before(parsed.place.thread_id)
        found = await self._kept.history(parsed.place, parsed.checkpoint_id, channels)
        return self._states.histories(found, channels, parsed.subject)

    def get_next_version(self, current: Any, channel: None = None) -> Any:
        """Return the version that follows another one of a channel: they are 1, 2, 3 and so on.

        Example: ``version = saver.get_next_version(None)``

        A text is a version of another saver's, from which a thread was adopted, and goes on in LangGraph's own form.
        """
        del channel
        if current is None:
            return 1
        if isinstance(current, str):
            # As PostgresSaver makes them: 32 digits that rise, and 16 random ones.
            return f"{int(current.partition('.')[0]) + 1:032}.{secrets.randbelow(10**16) / 10**16:018.16f}"
        return current + 1

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> Self:
        """Add classes that the state may have, and return this saver. LangGraph passes those of a graph's schema.

        Example: ``saver.with_allowlist([("app", "Preferences")])``

        LangGraph's savers return a copy. Here the saver itself learns them, so that the program can also read its
        graphs' states through it.
        """
        self._allow(extra_allowlist)
        return self

    async def _list(
        self,
        config: RunnableConfig | None,
        wanted: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> AsyncGenerator[CheckpointTuple, None]:
        parsed = None if config is None else self._parsed(config)
        await self._before(None if parsed is None else parsed.place.thread_id)
        query = self._query(config, before, limit)
        matches = partial(self._matches, wanted) if wanted else None
        async for found in self._kept.list(query, matches):
            place = Place(found.thread_id, found.ns)
            shown = {"thread_id": found.thread_id} if parsed is None else parsed.shown
            yield await self._tuple(found, Config(place, found.checkpoint_id, shown))

    def _matches(self, wanted: dict[str, Any], metadata: bytes) -> bool:
        found: Mapping[str, Any] = self._states.metadata_of(metadata, "a checkpoint")
        return all(key in found and found[key] == value for key, value in wanted.items())

    def _query(self, config: RunnableConfig | None, before: RunnableConfig | None, limit: int | None) -> Query:
        """Return which checkpoints a list has. A namespace only counts if the config has one."""
        parsed = None if config is None else self._parsed(config)
        earlier = (before or {}).get("configurable", {}).get("checkpoint_id")
        return Query(
            thread_id=parsed and parsed.place.thread_id,
            ns=(config or {}).get("configurable", {}).get("checkpoint_ns"),
            checkpoint_id=parsed and parsed.checkpoint_id,
            before=earlier and str(earlier),
            limit=limit,
            owner=self._owners.encoded if parsed is None else parsed.place.owner,
        )

    async def _tuple(self, found: Stored, config: Config) -> CheckpointTuple:
        """Return a checkpoint as LangGraph has it, decoded where it blocks no event loop for long."""
        if sum(sum(map(len, value.parts)) for value in found.values.values()) > _AT_ONCE:
            return await in_thread(self._states.tuple_of, found, config)
        return self._states.tuple_of(found, config)

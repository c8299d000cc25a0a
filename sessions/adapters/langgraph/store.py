"""`SessionStore`: LangGraph's store over the memories of a database, for sync and async at once."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal

from langgraph.store.base import BaseStore, SearchOp

from sessions.adapters.langgraph.base import Done, opened
from sessions.adapters.langgraph.closing import Closing
from sessions.adapters.langgraph.store_batches import check_labels, run_batch
from sessions.adapters.langgraph.store_options import options_of_index
from sessions.memories.memories import Memories
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable

    from langgraph.store.base import Op, Result, TTLConfig
    from sqlalchemy.ext.asyncio import AsyncEngine

    import sessions.blocking
    from sessions.adapters.langgraph.items import FoundItem
    from sessions.adapters.langgraph.store_options import Index
    from sessions.store.store import Store
    from sessions.types.memories import MemoryStatus


class SessionStore(Closing, BaseStore):
    """A store for LangGraph: memories across threads, in the database of the conversations and checkpoints.

    Example: ``graph = builder.compile(store=SessionStore("sqlite:///state.db"))``

    One object serves sync and async nodes, from any thread and event loop; but on a server, a sync call on the thread
    of an event loop that uses the store raises `SyncCallInLoopError`, as it would wait for itself. Making it does no
    I/O. It may be used in ``with`` and ``async with``, which close it.

    Filters mean the same on every database; expired memories are gone at once; without a query, `search` and `list`
    return the oldest first. The items that they return also answer ``item.get(key, default)`` and ``item[key]`` from
    their value.

    Args:
        store: A URL as for `sessions.open_store`, an engine of ``create_async_engine``, an open store, or its
            `memories`, also those `under` a prefix: then namespaces are relative to it.
        index: LangGraph's settings of semantic search: ``embed``, a function of a list of texts, LangChain's
            ``Embeddings``, or a name such as ``"local"`` or ``"openai:text-embedding-3-small"``; ``dims``; and
            ``fields``, the paths of the texts, everything by default. ``{"hybrid": True}`` finds by words as well. Not
            for a store that has been opened already.
        ttl: LangGraph's settings of expiry, in minutes: ``default_ttl`` and ``refresh_on_read``. Expired memories are
            removed by themselves, so no sweeper is needed.
        options: Further arguments of `sessions.open_store`: ``encryption_key``, ``table_prefix`` and so on.

    Raises:
        TypeError: An argument has the wrong type, or options were given for an open store.
        ValueError: A setting is not allowed.
    """

    supports_ttl = True

    def __init__(
        self,
        store: str | AsyncEngine | Store | sessions.blocking.Store | Memories,
        *,
        index: Index | None = None,
        ttl: TTLConfig | None = None,
        **options: Any,
    ) -> None:
        self.ttl_config = ttl
        self.index_config = index
        self._hybrid = bool(index and index.get("hybrid"))
        self._store: Store | None = None
        self._is_own = False
        if isinstance(store, Memories):
            if index is not None or options:
                raise TypeError(
                    "index and other options belong to the store of these memories. Nothing was changed. Give them to "
                    "open_store, as in open_store(url, embed=…)."
                )
            self._memories = store
        else:
            self._store, self._is_own = opened(store, {**options_of_index(index), **options})
            self._memories = self._store.memories

    @property
    def memories(self) -> Memories:
        """Get the memories below, with versions, owners, watching and erasure.

        Example: ``await store.memories.erase(("users", "alice"))``
        """
        return self._memories

    def batch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """Do operations: first all reads, then all puts in one transaction. Of several puts of a key, the last counts.

        Example: ``store.batch([PutOp(("users", "alice"), "style", {"text": "short"})])``

        Returns:
            The results in the order of the operations: an item or ``None``, a list, or ``None`` for a put.

        Raises:
            InvalidNamespaceError: A label is empty, not a string, or has a period in it. Nothing was done.
            InvalidFilterError: A filter is not one. Nothing was done.
            InvalidItemError: A value cannot be stored without loss. Nothing was put.
            EmbeddingError: The embedding model failed. Nothing was put.
            StoreError: The database refused the operation.
        """
        return without_loop(run_batch(self._memories, [*ops], hybrid=self._hybrid))

    async def abatch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """Do the same as `batch`.

        Example: ``await store.abatch([GetOp(("users", "alice"), "style")])``
        """
        return await run_batch(self._memories, [*ops], hybrid=self._hybrid)

    def search(  # type: ignore[override] # the first parameter may also be named
        self,
        namespace_prefix: tuple[str, ...] | None = None,
        /,
        *,
        namespace: tuple[str, ...] | None = None,
        query: str | None = None,
        filter: dict[str, Any] | None = None,  # noqa: A002 - as in LangGraph
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> builtins.list[FoundItem]:
        """Search the memories of a namespace and of all below it.

        Example: ``items = store.search(("users", "alice"), query="How should I answer?")``

        Args:
            namespace_prefix: The first labels of the namespaces.
            namespace: The same by name; one of the two has to be given.
            query: A text to find by meaning, or by words in a store without an `index`. Memories that it does not
                find follow, without a score. Without a query, the oldest come first.
            filter: Conditions for the values.
            limit: How many, at most.
            offset: How many are skipped.
            refresh_ttl: Whether the found memories live for their whole time again; as set by `ttl`, else yes.

        Raises:
            TypeError: Neither or both of the first two were given.
            InvalidNamespaceError: A label is empty, not a string, or has a period in it.
            InvalidFilterError: `filter` is not one.
            EmbeddingError: The embedding model failed.
            StoreError: The database refused the operation.
        """
        place = _one_of(namespace_prefix, namespace)
        return super().search(  # type: ignore[return-value] # ours are made in `store_batches.py`
            place, query=query, filter=filter, limit=limit, offset=offset, refresh_ttl=refresh_ttl
        )

    async def asearch(  # type: ignore[override] # as above
        self,
        namespace_prefix: tuple[str, ...] | None = None,
        /,
        *,
        namespace: tuple[str, ...] | None = None,
        query: str | None = None,
        filter: dict[str, Any] | None = None,  # noqa: A002 - as in LangGraph
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> builtins.list[FoundItem]:
        """Do the same as `search`.

        Example: ``items = await store.asearch(("users", "alice"), query="How should I answer?")``
        """
        place = _one_of(namespace_prefix, namespace)
        return await super().asearch(  # type: ignore[return-value] # as above
            place, query=query, filter=filter, limit=limit, offset=offset, refresh_ttl=refresh_ttl
        )

    def list(self, namespace: tuple[str, ...], *, limit: int | None = None) -> builtins.list[FoundItem]:
        """Return all memories of a namespace and of all below it, the oldest first.

        Example: ``items = store.list(("users", "alice"))``

        Args:
            namespace: The first labels of the namespaces.
            limit: How many, at most; all of them by default.

        Raises:
            InvalidNamespaceError: A label is empty, not a string, or has a period in it.
            StoreError: The database refused the operation.
        """
        return without_loop(self.alist(namespace, limit=limit))

    async def alist(self, namespace: tuple[str, ...], *, limit: int | None = None) -> builtins.list[FoundItem]:
        """Do the same as `list`.

        Example: ``items = await store.alist(("users", "alice"))``
        """
        refresh = True if self.ttl_config is None else self.ttl_config.get("refresh_on_read", True)
        op = SearchOp(namespace, limit=_ALL if limit is None else limit, refresh_ttl=refresh)
        (found,) = await self.abatch([op])
        return found  # type: ignore[return-value] # ours

    def status(self) -> MemoryStatus:
        """Return the numbers of memories, and of those with vectors by the name of the embedding model.

        Example: ``print(store.status().models)``
        """
        return without_loop(self._memories.status())

    async def astatus(self) -> MemoryStatus:
        """Do the same as `status`.

        Example: ``print((await store.astatus()).models)``
        """
        return await self._memories.status()

    def setup(self) -> Done:
        """Do nothing, as tables are created at the first use; it may also be awaited.

        Example: ``store.setup()``
        """
        return Done()

    def sweep_ttl(self) -> int:
        """Remove expired memories physically, and return their number. The store also does it by itself.

        Example: ``removed = store.sweep_ttl()``
        """
        return without_loop(self._memories.purge_expired())

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Do nothing, as expired memories are gone at once, and removed by themselves. Return a finished future.

        Example: ``store.start_ttl_sweeper()``
        """
        del sweep_interval_minutes
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def stop_ttl_sweeper(self, timeout: float | None = None) -> Literal[True]:
        """Do nothing: the store needs no sweeper.

        Example: ``store.stop_ttl_sweeper()``
        """
        del timeout
        return True

    async def _aclose(self) -> None:
        if self._store is not None and self._is_own:
            await self._store.close()


_ALL = 1 << 40
"""More memories than any database has."""


def _one_of(positional: tuple[str, ...] | None, named: tuple[str, ...] | None) -> tuple[str, ...]:
    if (positional is None) == (named is None):
        raise TypeError(
            "search needs one namespace: as the first argument, or by the name namespace. Nothing was read. Write "
            'store.search(("users", "alice")), or store.search(()) for all memories.'
        )
    place = positional if named is None else named
    check_labels(place)
    return tuple(place or ())

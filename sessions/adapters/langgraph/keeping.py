"""A saver's methods that LangGraph lacks: listing threads, their time to live, erasing and adopting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.adapters.langgraph.adopting import ThreadsAdopted, adopt_threads
from sessions.adapters.langgraph.configs import id_of_thread
from sessions.adapters.langgraph.sources import OtherSaver, OwnTables
from sessions.adapters.langgraph.thread_types import ThreadInfo
from sessions.adapters.langgraph.threads import Threads
from sessions.clock import as_near_time, as_time, now
from sessions.labels import below_owner, decode_owner, encode_owner, given_owner
from sessions.types.receipts import ThreadErasure
from sessions.types.retention import one_owner
from sessions.validation import DEFAULT, Default, check_count, check_progress, check_ttl
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from langgraph.checkpoint.base import BaseCheckpointSaver

    from sessions.adapters.langgraph.conversation import ThreadConversation
    from sessions.adapters.langgraph.delta_messages import Reducer
    from sessions.checkpoints.values import ThreadRow
    from sessions.labels import Owner

_PAGE: Final = 100


class Keeping(Threads):
    """Listing, expiring, erasing and adopting threads. The rest is `SessionSaver`."""

    def conversation(
        self,
        thread_id: str,
        *,
        channel: str = "messages",
        owner: Owner | Default = DEFAULT,
        reducer: Reducer | None = None,
    ) -> ThreadConversation:
        """Return a thread's messages as a session that can be read: turns, windows, the tree of forks, copies.

        Example: ``items = await saver.conversation("thread-1").get_items()``

        This does no I/O. Of a graph's own thread only; graphs within it keep their messages in namespaces of their own.

        Args:
            thread_id: The thread.
            channel: The entry of the state that has the messages: a list of LangChain's messages, or of anything that
                LangChain makes messages of.
            owner: The owner that the thread must have; needed for a saver with `owner_key`.
            reducer: If the entry is a ``DeltaChannel``: its reducer. LangGraph's own for messages by default.

        Raises:
            ThreadOwnerError: The saver has an `owner_key`, and no owner was given.
        """
        from sessions.adapters.langgraph.conversation import ThreadConversation  # noqa: PLC0415 - few programs do this

        return ThreadConversation(self, thread_id, channel, given_owner(owner), reducer)

    def threads(
        self,
        limit: int = _PAGE,
        after: str | None = None,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        prefix: str = "",
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - as in `list`
        expired: bool = False,
    ) -> list[ThreadInfo]:
        """Return a page of threads, the newest first, without their states.

        Example: ``page = saver.threads(owner="ann")``

        Args:
            limit: How many, at most.
            after: The `cursor` of the last thread of the page before.
            owner: Only this owner's; the saver's owner, if it has one.
            below: Only those of owners whose labels begin with these.
            prefix: Only threads whose ids begin with it.
            filter: Entries that the metadata of the latest checkpoint must have, compared with ``==``.
            expired: Those that have expired and are not purged yet, instead of the others.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `limit` is below 1, `after` is not a cursor, or an owner is not allowed.
            StoreError: The database refused the operation.
        """
        return without_loop(self._list_threads(limit, after, _range(owner, below), prefix, filter, expired=expired))

    async def athreads(
        self,
        limit: int = _PAGE,
        after: str | None = None,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        prefix: str = "",
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - as above
        expired: bool = False,
    ) -> list[ThreadInfo]:
        """Do the same as `threads`.

        Example: ``page = await saver.athreads(owner="ann")``
        """
        return await self._list_threads(limit, after, _range(owner, below), prefix, filter, expired=expired)

    async def _list_threads(
        self,
        limit: int,
        after: str | None,
        owners: tuple[str, str] | None,
        prefix: str,
        wanted: Mapping[str, Any] | None,
        *,
        expired: bool,
    ) -> list[ThreadInfo]:
        check_count(limit, "limit", least=1)
        if self._owners.encoded is not None:
            owners = one_owner(self._owners.encoded)
        await self._before()
        found: list[ThreadInfo] = []
        count = limit if not wanted else _PAGE
        while True:
            page = await self._kept.threads(limit=count, after=after, prefix=prefix, owners=owners, expired=expired)
            for row in page:
                info = self._info(row)
                if all(key in info.metadata and info.metadata[key] == value for key, value in (wanted or {}).items()):
                    found.append(info)
                if len(found) == limit:
                    return found
            if len(page) < count:
                return found
            after = page[-1].cursor

    def _info(self, row: ThreadRow) -> ThreadInfo:
        metadata: Mapping[str, Any] = {}
        if row.metadata is not None:
            metadata = self._states.metadata_of(row.metadata, f"thread {row.thread_id!r}")
        step = metadata.get("step")
        return ThreadInfo(
            thread_id=row.thread_id,
            owner=decode_owner(row.owner),
            created_at=as_near_time(row.created_at),
            updated_at=as_near_time(row.updated_at),
            expires_at=None if row.ttl is None else as_near_time(row.updated_at + row.ttl),
            checkpoint_id=row.checkpoint_id,
            source=metadata.get("source"),
            step=step if isinstance(step, int) else None,
            metadata=metadata,
            namespaces=row.namespaces,
            cursor=row.cursor,
        )

    def set_ttl(self, thread_id: str, ttl: float | timedelta | None) -> bool:
        """Keep a thread for another time after its last change, in seconds; return whether there is one.

        Example: ``saver.set_ttl("1", 3600)``

        Args:
            thread_id: The thread.
            ttl: Seconds, or ``None`` for ever.

        Raises:
            ValueError: `ttl` is not positive, or above a hundred years.
            ThreadOwnerError: The thread belongs to another owner than the saver's.
            StoreError: The database refused the operation.
        """
        return without_loop(self.aset_ttl(thread_id, ttl))

    async def aset_ttl(self, thread_id: str, ttl: float | timedelta | None) -> bool:
        """Do the same as `set_ttl`.

        Example: ``await saver.aset_ttl("1", 3600)``
        """
        thread_id, lives = id_of_thread(thread_id), check_ttl(ttl)
        await self._before(thread_id)
        return await self._kept.set_ttl(thread_id, lives, self._owners.encoded)

    def purge_expired(self) -> int:
        """Delete expired threads physically, in short transactions; return how many. Readers do not see them anyway.

        Example: ``purged = saver.purge_expired()``

        Raises:
            StoreError: The database refused the operation; earlier deletions stay.
        """
        return without_loop(self._kept.purge_expired())

    async def apurge_expired(self) -> int:
        """Do the same as `purge_expired`.

        Example: ``purged = await saver.apurge_expired()``
        """
        return await self._kept.purge_expired()

    def erase(self, thread_id: str, *, scrub: bool = True, actor: str | None = None) -> ThreadErasure:
        """Erase a thread from every table and then, as far as possible from here, from the database's files.

        Example: ``receipt = saver.erase("1", actor="support")``

        First the `KeyProvider`'s `destroy` is called, if the store has one. Then all rows go in one transaction, which
        adds an audit row: ``store.audits(thread_id=…)`` finds it. Erasing again finishes pending work.

        An official saver's tables in the same database lose it, too: the receipt counts their rows as
        ``langgraph_checkpoints`` and so on. A session of the same id is not touched, nor are threads by `Store.erase`;
        `Store.erase_owner` erases both, but nothing in an official saver's tables.

        Args:
            thread_id: The thread.
            scrub: Whether the files are rewritten. To erase many threads, call `Store.scrub` once, after the last one.
            actor: Who has it erased, for the audit row: text of 1 to 255 bytes in UTF-8.

        Raises:
            TypeError: `actor` is not a string.
            ValueError: `actor` is empty or too long.
            ThreadOwnerError: The thread belongs to another owner than the saver's.
            StoreError: The database refused the operation; nothing was removed.
        """
        return without_loop(self.aerase(thread_id, scrub=scrub, actor=actor))

    async def aerase(self, thread_id: str, *, scrub: bool = True, actor: str | None = None) -> ThreadErasure:
        """Do the same as `erase`.

        Example: ``receipt = await saver.aerase("1")``
        """
        thread_id, at = id_of_thread(thread_id), now()
        also = self._first_use.removing(self, thread_id)
        removed, pending = await self._kept.erase(
            thread_id, owner=self._owners.encoded, scrub=scrub, actor=actor, also=also
        )
        return ThreadErasure(thread_id, as_time(at), any(removed.rows.values()), dict(removed.rows), tuple(pending))

    def adopt(
        self,
        other: BaseCheckpointSaver[Any] | None = None,
        *,
        thread_ids: Iterable[str] | None = None,
        progress: Callable[[ThreadsAdopted], object] | None = None,
    ) -> ThreadsAdopted:
        """Copy the threads of another saver of LangGraph, with all their checkpoints and writes.

        Example: ``adopted = saver.adopt(progress=print)``

        Nothing is changed there. A thread that is here already and has gone on is left as it is. After an interruption,
        call it again: it goes on where it was.

        Args:
            other: The saver; without it, the tables that an official saver left in this database are read.
            thread_ids: Only these threads. Name them if another saver has many: LangGraph's interface has no list of
                threads, so all checkpoints are read to find them.
            progress: Called after each thread with the result so far.

        Returns:
            How many threads were copied, and which were skipped, with reasons.

        Raises:
            StoreError: The database refused the operation; finished threads stay done.
        """
        return without_loop(self.aadopt(other, thread_ids=thread_ids, progress=progress))

    async def aadopt(
        self,
        other: BaseCheckpointSaver[Any] | None = None,
        *,
        thread_ids: Iterable[str] | None = None,
        progress: Callable[[ThreadsAdopted], object] | None = None,
    ) -> ThreadsAdopted:
        """Do the same as `adopt`. A saver that belongs to an event loop, as `AsyncSqliteSaver`, is adopted by this one.

        Example: ``adopted = await saver.aadopt(progress=print)``
        """
        check_progress(progress)
        own = OwnTables(self._backend, self.serde.loads_typed)
        return await adopt_threads(self, own if other is None else OtherSaver(other), thread_ids, progress)


def _range(owner: Owner | Default, below: Owner | Default) -> tuple[str, str] | None:
    one, several = given_owner(owner), given_owner(below, "below")
    if one is not None and several is not None:
        raise TypeError("owner and below exclude each other. Nothing was read. Pass one of them.")
    if one is not None:
        return one_owner(encode_owner(one))
    return None if several is None else below_owner(encode_owner(several, "below"))

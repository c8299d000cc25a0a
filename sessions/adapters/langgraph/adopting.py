"""Adopting threads of other savers: all of them, or each when it is first used."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.adapters.langgraph.sources import OwnTables
from sessions.checkpoints.official_tables import are_there, removed_rows
from sessions.checkpoints.values import NewWrite, Place, Query
from sessions.db.component import Removed
from sessions.errors import OwnerError, SessionClosedError, SessionsError, StoreError, UnadoptedThreadsWarning
from sessions.store.thread_damage import damage_named
from sessions.store.thread_maintenance import MOST_BYTES
from sessions.validation import check_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langchain_core.runnables import RunnableConfig

    from sessions.adapters.langgraph.base import SaverBase
    from sessions.adapters.langgraph.official import OfficialStep, Step
    from sessions.adapters.langgraph.sources import Source
    from sessions.db.transaction import Transaction
    from sessions.store.thread_maintenance import Also

FIRST_TOUCH: Final = "first touch"

_SUBJECT: Final = "LangGraph's tables"


class ThreadsAdopted(NamedTuple):
    """The threads that were adopted.

    Attributes:
        threads: How many threads were copied.
        checkpoints: How many of their checkpoints.
        already: How many threads were here already.
        skipped: The ids of those that could not be copied, each with the reason.
    """

    threads: int = 0
    checkpoints: int = 0
    already: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


class FirstUse:
    """The work of a saver before its first use of its database, and of each thread. Copies of a saver share it.

    Args:
        adopt: Whether threads of an official saver in the same database are adopted when they are first used.

    Raises:
        ValueError: `adopt` is something else.
    """

    def __init__(self, adopt: object) -> None:
        if adopt not in (None, FIRST_TOUCH):
            raise ValueError(
                f'adopt must be "{FIRST_TOUCH}" or None, not {adopt!r}. Nothing was opened. To adopt all threads at '
                "once, call adopt()."
            )
        self._adopts = adopt is not None
        self._has_theirs: bool | None = None
        self._used: set[str] = set()

    async def before(self, saver: SaverBase, thread_id: str | None) -> None:
        """Adopt a thread, if one is used, or warn once that there are threads which nobody has adopted."""
        if self._has_theirs is False or thread_id in self._used:
            return
        backend = saver._backend  # noqa: SLF001 - they work together
        if self._has_theirs is None:
            self._has_theirs = await backend.read(are_there, _SUBJECT)
            if self._has_theirs and not self._adopts:
                self._has_theirs = False
                if await _is_empty(saver):
                    _warn()
        if self._has_theirs and thread_id is not None:
            check_text(thread_id, "thread_id", MOST_BYTES)
            with damage_named(f"thread {thread_id!r}, as the tables of LangGraph's saver have it"):
                await adopt_thread(saver, OwnTables(backend, saver.serde.loads_typed), thread_id)
            self._used.add(thread_id)

    def removing(self, saver: SaverBase, thread_id: str) -> Also:
        """Return a function that removes a deleted thread from an official saver's tables, too, so that it stays gone.

        A thread that is only there may be another owner's. It is removed unless that matters to this saver.
        """
        is_anyones = self._adopts or saver._owners.encoded is None  # noqa: SLF001 - as above

        def remove(tx: Transaction, existed: bool) -> Removed:  # noqa: FBT001 - as `Also` says
            return removed_rows(tx, thread_id) if existed or is_anyones else Removed({})

        return remove


async def adopt_threads(
    saver: SaverBase,
    source: Source,
    thread_ids: Iterable[str] | None,
    progress: Callable[[ThreadsAdopted], object] | None,
) -> ThreadsAdopted:
    """Adopt threads, one after the other; after an interruption, the next call goes on.

    Args:
        saver: The saver that gets them.
        source: Has them.
        thread_ids: Only these; all, if ``None``.
        progress: Called after each thread with the result so far.
    """
    done = ThreadsAdopted()
    ids = [one async for one in source.threads()] if thread_ids is None else list(thread_ids)
    for thread_id in ids:
        try:
            count = await adopt_thread(saver, source, thread_id)
        except (StoreError, SessionClosedError):
            raise
        except Exception as error:  # noqa: BLE001 - of this thread alone: its serializer, its owner, its key
            reason = str(error) if isinstance(error, SessionsError) else type(error).__name__
            done = done._replace(skipped=(*done.skipped, (thread_id, reason)))
        else:
            done = _counted(done, thread_id, count)
        if progress is not None:
            progress(done)
    return done


def _counted(done: ThreadsAdopted, thread_id: str, count: int | None) -> ThreadsAdopted:
    if count is None:
        return done._replace(skipped=(*done.skipped, (thread_id, "there is no such thread")))
    if count:
        return done._replace(threads=done.threads + 1, checkpoints=done.checkpoints + count)
    return done._replace(already=done.already + 1)


async def adopt_thread(saver: SaverBase, source: Source, thread_id: str) -> int | None:
    """Copy a thread's checkpoints that are not here, oldest first; return how many, or ``None`` if it has none.

    A thread that has gone on here is left as it is: in each namespace, only checkpoints behind the latest are copied,
    and the writes that the latest one lacks, as after an interruption.
    """
    # The graph's own namespace is read first: a thread that was deleted here may begin anew.
    latest = {"": await saver._kept.read(Place(thread_id))}  # noqa: SLF001 - they work together
    count = 0
    steps = await source.steps(thread_id)
    for step in steps:
        if step.ns not in latest:
            latest[step.ns] = await saver._kept.read(Place(thread_id, step.ns))  # noqa: SLF001 - as above
        here = latest[step.ns]
        if here is not None and step.checkpoint_id < here.checkpoint_id:
            continue
        read = await source.read(thread_id, step)
        if read is None:
            continue
        if here is None or step.checkpoint_id > here.checkpoint_id:
            await _store(saver, thread_id, step, read)
            count += 1
        else:
            there = {(write[0], write[4]) for write in here.writes}
            missing = [write for write in read.writes if (write[0], write[2]) not in there]
            await _store(saver, thread_id, step, read._replace(writes=missing), has_checkpoint=True)
    return count if steps else None


async def _store(
    saver: SaverBase, thread_id: str, step: Step, read: OfficialStep, *, has_checkpoint: bool = False
) -> None:
    configurable: dict[str, Any] = {"thread_id": thread_id, "checkpoint_ns": step.ns, "checkpoint_id": read.parent_id}
    owners = saver._owners  # noqa: SLF001 - as above
    if owners.key is not None:
        if owners.key not in read.metadata:
            raise OwnerError(
                f"thread {thread_id!r}: its metadata has no {owners.key!r}, so its owner is unknown. It was not "
                "adopted. Adopt it with a saver of its owner: owner=…"
            )
        configurable[owners.key] = read.metadata[owners.key]
    config: RunnableConfig = {"configurable": configurable}
    parsed = saver._parsed(config)  # noqa: SLF001 - as above
    states = saver._states  # noqa: SLF001 - as above
    checkpoint: Any = {**read.checkpoint, "id": step.checkpoint_id}
    # No channel is named as changed, so each value is taken from the parent if its version is the same.
    new = states.checkpoint(config, parsed, checkpoint, read.metadata, {}, one_writer=False, before={})  # type: ignore[arg-type]  # a TypedDict
    kept = saver._kept  # noqa: SLF001 - as above
    tasks: dict[tuple[str, str], list[NewWrite]] = {}
    for task_id, task_path, index, channel, value in read.writes:
        tasks.setdefault((task_id, task_path), []).append(states.write(index, channel, value))
    if not has_checkpoint:
        await kept.put(parsed.place, new)
    for (task_id, task_path), writes in tasks.items():
        await kept.put_writes(parsed.place, step.checkpoint_id, task_id, task_path, writes)


async def _is_empty(saver: SaverBase) -> bool:
    async for _ in saver._kept.list(Query(limit=1)):  # noqa: SLF001 - as above
        return False
    return True


def _warn() -> None:
    warnings.warn(
        "the database has threads of another saver of LangGraph, and none of this one, so it looks empty. To copy "
        f'them, call saver.adopt() once, or open it with adopt="{FIRST_TOUCH}"; to leave them, ignore this warning.',
        UnadoptedThreadsWarning,
        stacklevel=2,
    )

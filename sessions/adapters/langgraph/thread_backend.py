"""The database of a conversation that is a thread's: in memory, read-only, and as new as the thread at each read."""

from __future__ import annotations

import json
import threading
from itertools import count, groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeVar
from uuid import UUID

from langchain_core.messages import BaseMessage, convert_to_messages, message_to_dict

from sessions.adapters.langgraph.delta_messages import replayed, without_snapshot
from sessions.adapters.langgraph.message_tree import MessageTree
from sessions.checkpoints.values import LIST, Query, Value
from sessions.clock import now
from sessions.codecs.json import JSONCodec
from sessions.db.sqlite.backend import SQLiteBackend
from sessions.errors import InvalidItemError, ReadOnlyConversationError, UndecodableStateError
from sessions.items.calls import classify_with_formats
from sessions.labels import decode_owner
from sessions.log.append import Append
from sessions.log.component import conversations
from sessions.log.conversation import ForeignTables
from sessions.log.core.extend import NewEntry
from sessions.session.base import LogSession
from sessions.store.thread_damage import damage_named

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Sequence

    from sessions.adapters.langgraph.base import SaverBase
    from sessions.adapters.langgraph.delta_messages import Reducer
    from sessions.adapters.langgraph.message_tree import Way
    from sessions.checkpoints.values import Checkpoint, History, Place, Write
    from sessions.db.component import Component
    from sessions.db.topics import Topic
    from sessions.db.transaction import Transaction

T = TypeVar("T")

_MAIN: Final = "main"
_NAME_LENGTH: Final = 200
"""Of an id with escapes, as the name of a branch."""

_CODEC: Final = JSONCodec()
_GREGORIAN: Final = 0x01B21DD213814000
"""From the beginning of a UUID's time to 1970, in units of 100 nanoseconds (RFC 9562, section 5.6)."""

_IN_ORDER_OF_TIME: Final = 6
"""The version of UUIDs that LangGraph makes."""


class _Built(NamedTuple):
    """A conversation as of a checkpoint, and of the changes up to then; see `ThreadStore.changed`."""

    checkpoint_id: str | None
    backend: SQLiteBackend
    changed: tuple[int, int] | None = None


class ThreadBackend:
    """A `Backend` with one conversation: the messages of a thread's checkpoints.

    Args:
        saver: The thread's saver.
        place: The thread.
        channel: The channel with the messages.
        reducer: That of the channel, if it is a ``DeltaChannel``; LangGraph's own for messages, if ``None``.
    """

    def __init__(self, saver: SaverBase, place: Place, channel: str, reducer: Reducer | None) -> None:
        self._saver = saver
        self._place = place
        self._channel = channel
        self._reducer = reducer
        self._tree = MessageTree()
        self._items: dict[bytes, list[tuple[bytes, dict[str, Any]]]] = {}
        self._messages: dict[bytes, Any] = {}
        self._payloads: dict[int, tuple[Any, tuple[bytes, dict[str, Any]]]] = {}
        self._lock = threading.Lock()
        self._built = _Built(None, _empty())

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Run `work` on the thread's messages of now, and return its result."""
        built = await self._current()
        return await built.backend.read(work, subject)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Refuse to change anything."""
        del work
        self._refuse(subject, "it cannot be changed here")

    async def vacuum(self, others: Sequence[str], subject: str) -> tuple[str, ...]:
        """Refuse."""
        del others
        self._refuse(subject, "it has no files of its own")

    def waker(self, topic: Topic, subject: str) -> NoReturn:
        """Refuse: a graph's own streams tell of changes."""
        del topic
        self._refuse(subject, "it cannot be watched")

    def read_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Refuse: this package reads sessions by `read` only."""
        del work
        self._refuse(subject, "it is read by its methods only")

    def write_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Refuse to change anything."""
        del work
        self._refuse(subject, "it cannot be changed here")

    def wait(self, operation: Callable[[], Awaitable[T]], subject: str) -> T:
        """Refuse: it has no event loop of its own."""
        del operation
        self._refuse(subject, "it waits for nothing")

    def joined_by(self, components: Sequence[Component]) -> NoReturn:
        """Refuse: there is nothing but the conversation."""
        del components
        self._refuse(f"thread {self._place.thread_id!r}", "it has no memories or threads beside it")

    async def aclose(self) -> None:
        """Forget the messages."""
        await self._built.backend.aclose()

    def _refuse(self, subject: str, what: str) -> NoReturn:
        raise ReadOnlyConversationError(
            f"{subject} is a thread of a graph, read as a conversation: {what}. Nothing was changed. Change the state "
            f"of the graph: graph.update_state(config, {{{self._channel!r}: …}}). Or copy the conversation into a "
            "session, and use that: await store.copy(conversation, store.session(…))."
        )

    async def _current(self) -> _Built:
        """Return the conversation as of the latest checkpoint."""
        kept = self._saver._kept  # noqa: SLF001 - the two are one package
        await self._saver._before(self._place.thread_id)  # noqa: SLF001 - as above
        built = self._built
        latest = await kept.read(self._place)
        changed = kept.changed(self._place)
        is_latest = (latest and latest.checkpoint_id) == built.checkpoint_id
        if is_latest and changed == built.changed:
            return built
        query = Query(thread_id=self._place.thread_id, ns=self._place.ns, owner=self._place.owner)
        new: list[Checkpoint] = []
        is_known = False
        async for found in kept.list(query):
            if found.checkpoint_id == built.checkpoint_id and not is_latest:
                is_known = True
                break
            new.append(found)
        # If the checkpoint that was the latest was deleted, or others were removed behind it, `new` has all there are.
        rebuilt = await self._rebuilt(new)
        writes = {found.checkpoint_id: found.writes for found in new}
        with self._lock:
            if not is_known:
                self._tree = MessageTree()
                for kept_by in (self._items, self._messages, self._payloads):
                    kept_by.clear()
            for found in reversed(new):
                self._add(found, rebuilt.get(found.checkpoint_id), writes.get(found.parent_id or "", ()))
            ways, tree = self._tree.ways(), self._tree
        owner = None if latest is None else latest.owner
        with damage_named(f"thread {self._place.thread_id!r}"):
            made = await self._made(tree, ways, owner)
        self._built = built = _Built(tree.latest, made, changed)
        return built

    async def _rebuilt(self, new: Sequence[Checkpoint]) -> dict[str, History]:
        """Return what those checkpoints are rebuilt from whose parents are not among them.

        Pruning hides parents; and those of an earlier read may have got writes since.
        """
        known = {found.checkpoint_id for found in new}
        kept = self._saver._kept  # noqa: SLF001 - the two are one package
        return {
            found.checkpoint_id: (await kept.history(self._place, found.checkpoint_id, [self._channel]))[self._channel]
            for found in new
            if self._is_replayed(found) and found.parent_id not in known
        }

    def _is_replayed(self, found: Checkpoint) -> bool:
        """Tell whether a checkpoint has no value of the channel, as it is a ``DeltaChannel``."""
        return self._channel in found.versions and self._channel not in found.values

    def _add(self, found: Checkpoint, history: History | None, before: Sequence[Write]) -> None:
        """Add a checkpoint to the tree, given what it is rebuilt from, or the writes at the checkpoint before it."""
        where = f"thread {found.thread_id!r}, checkpoint {found.checkpoint_id!r}, channel {self._channel!r}"
        if self._is_replayed(found):
            items = [self._item_of(one) for one in self._replayed(found, history, before, where)]
        else:
            value = found.values.get(self._channel)
            parts = [] if value is None else value.parts
            items = [item for part in parts for item in self._items_of(value.shape if value else LIST, part, where)]
        self._tree.add(found.checkpoint_id, found.parent_id, _time_of(found.checkpoint_id), items)

    def _replayed(self, found: Checkpoint, history: History | None, before: Sequence[Write], where: str) -> list[Any]:
        """Return the messages of a checkpoint: those of the one before it, and what its tasks wrote."""
        states = self._saver._states  # noqa: SLF001 - the two are one package
        if history is not None:
            seed = [] if history.seed is None else without_snapshot(states._decoded(history.seed, where))  # noqa: SLF001
            before = history.writes
        else:
            seed = [self._messages[payload] for payload in self._tree.payloads(found.parent_id)]
        written = [states._decoded(one.value, where) for one in before if one.channel == self._channel]  # noqa: SLF001
        try:
            return replayed(self._reducer, seed, written)
        except ModuleNotFoundError:
            raise
        except Exception as error:  # a reducer is anybody's code
            raise UndecodableStateError(
                f"{where}: its messages cannot be replayed from the writes ({type(error).__name__}), so the database "
                "was altered, or the graph's reducer is another one. Nothing was changed. Pass the reducer of its "
                "DeltaChannel as reducer=…, or restore the database from a backup."
            ) from error

    def _item_of(self, message: Any) -> tuple[bytes, dict[str, Any]]:
        """Return the payload and the item of a message; each object is encoded once."""
        known = self._payloads.get(id(message))
        if known is None:
            # With the object itself, so that its id stands for no other one.
            known = self._payloads[id(message)] = message, _encoded(message)
            self._messages[known[1][0]] = message
        return known[1]

    def _items_of(self, shape: int, part: bytes, where: str) -> list[tuple[bytes, dict[str, Any]]]:
        """Return the messages of a part with their payloads: each part is decoded once."""
        found = self._items.get(part)
        if found is None:
            value = self._saver._states._decoded(Value(shape, [part]), where)  # noqa: SLF001 - the two are one package
            value = without_snapshot(value)
            values = value if isinstance(value, list) else [value]
            found = self._items[part] = [self._item_of(one) for one in values]
        return found

    async def _made(self, tree: MessageTree, ways: list[Way], owner: str | None) -> SQLiteBackend:
        """Return a database with the conversation."""
        backend = _empty()
        whose = decode_owner(owner)
        session = LogSession(self._place.thread_id, backend, owner=whose)
        conversation = session._handle.conversation  # noqa: SLF001 - it is one of ours
        stored: dict[str, list[int]] = {}
        for way in ways:
            name, shared = _branch_name(way.checkpoint_id, stored) if stored else _MAIN, 0
            if stored:
                source, shared = _nearest(stored, way.numbers)
                await session.branches.create(name, position=shared, source=source)
            stored[name] = way.numbers
            messages = [tree.messages[number] for number in way.numbers]
            known, formats = classify_with_formats([message.item for message in messages])
            entries = [
                (message.made_at, NewEntry(message.payload, kind, tool, format=format_))
                for message, (kind, tool), format_ in zip(messages, known, formats, strict=True)
            ]
            for made_at, group in groupby(entries[shared:], key=lambda one: one[0]):
                await backend.write(
                    Append(
                        conversation, [entry for _, entry in group], made_at, branch=name if name != _MAIN else None
                    ),
                    f"thread {self._place.thread_id!r}",
                )
        return backend


def _empty() -> SQLiteBackend:
    return SQLiteBackend(durability="normal", components=[conversations(ForeignTables())])


def _branch_name(checkpoint_id: str, taken: Container[str]) -> str:
    """Return the id as the name of a branch: with escapes, if it is not printable, and a number if it is taken."""
    is_name = checkpoint_id.isprintable() and checkpoint_id.strip()
    name = checkpoint_id if is_name or not checkpoint_id else ascii(checkpoint_id)[:_NAME_LENGTH]
    numbered = (f"{name} {number}" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def _nearest(stored: dict[str, list[int]], numbers: list[int]) -> tuple[str, int]:
    """Return the branch with the longest common beginning, and its length."""

    def common(name: str) -> int:
        pairs = zip(stored[name], numbers, strict=False)
        shorter = min(len(stored[name]), len(numbers))
        return next((index for index, (one, other) in enumerate(pairs) if one != other), shorter)

    return max(((name, common(name)) for name in stored), key=lambda one: one[1])


def _encoded(value: Any) -> tuple[bytes, dict[str, Any]]:
    """Return the payload and the item of a message: of LangChain's in the form of ``message_to_dict``."""
    if not isinstance(value, (BaseMessage, dict)):
        try:
            (value,) = convert_to_messages([value])
        except (TypeError, ValueError, NotImplementedError):
            value = {"type": type(value).__name__, "content": str(value)}
    item = message_to_dict(value) if isinstance(value, BaseMessage) else value
    try:
        (payload,) = _CODEC.encode_all([item])
    except InvalidItemError:
        # A tool's artifact, which models do not see, may be anything.
        item = json.loads(json.dumps(item, default=str, skipkeys=True))
        (payload,) = _CODEC.encode_all([item])
    return payload, item


def _time_of(checkpoint_id: str) -> int:
    """Return when a checkpoint was made, in microseconds since 1970: LangGraph's ids are UUIDs of version 6."""
    try:
        found = UUID(checkpoint_id)
    except ValueError:
        return now()
    if found.version != _IN_ORDER_OF_TIME:
        return now()
    high, low = found.int >> 80, (found.int >> 64) & 0x0FFF
    return ((high << 12 | low) - _GREGORIAN) // 10

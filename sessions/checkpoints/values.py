"""Arguments and results: values as parts, checkpoints, writes, counts.

All contents are bytes that a caller's serializer made. Times are microseconds since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_ID_BYTES: Final = 255
"""The length of every id but a thread's, in UTF-8."""

ONE: Final = 0
"""The shape of a value that is one part."""

LIST: Final = 1
"""The shape of a list: a part is an item, or several."""

DICT: Final = 2
"""The shape of a dictionary: a part is a pair."""

Version: TypeAlias = int | float | str
"""The version of a channel. The versions of one channel have one type, and rise."""


@dataclass(slots=True)
class Value:
    """A value, as `parts.py` makes it of an object.

    Attributes:
        shape: `ONE`, `LIST` or `DICT`.
        parts: Its parts, in order; of `ONE`, exactly one. Equal parts mean equal objects, so a part that a serializer
            writes differently each time is stored again each time. A list that grew shares them with the one before.
        data: The msgpack that a serializer wrote of all of them at once, if it did, and if that is at hand.
    """

    shape: int
    parts: list[bytes]
    data: bytes | None = field(default=None, compare=False, repr=False)


MakeValue: TypeAlias = "Callable[[], Value]"
"""Makes a value when it turns out to be needed."""


class Place(NamedTuple):
    """Where a checkpoint or a write belongs.

    Attributes:
        thread_id: The thread: 1 to 1024 bytes of UTF-8.
        ns: The namespace in it: ``""`` for the graph itself, else the path of a graph within: up to 1024 bytes.
        owner: The thread's owner, as `labels.py` writes it; a new thread gets it, and one of another owner is refused.
            ``None`` allows any.
    """

    thread_id: str
    ns: str = ""
    owner: str | None = None


class NewCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint to be stored.

    Attributes:
        checkpoint_id: Its id: 1 to 255 bytes of UTF-8. The highest id of a place is its latest checkpoint.
        parent_id: The id of the checkpoint that it follows.
        run_id: The run that makes it, for `delete_for_runs`.
        head: All of it beside its id, its values and their versions.
        metadata: Its metadata.
        versions: The versions of all channels, also of those without a value.
        changed: The values whose version moved since the parent, by channel.
        unchanged: The other values, by channel. One whose version the parent has is taken from there, and is not
            compared; else it is stored. A function is called at once, before anything is awaited, and only if this
            process does not know the parent's value.
        replayed: The channels of whose values only the changes are kept, with a whole one now and then:
            pruning keeps the checkpoints behind which they are rebuilt.
        follows_last: Whether it must follow the last checkpoint that was put: else `ThreadConflictError` is raised.
        root_id: The id of the checkpoint of the graph itself at which the call of a graph within began, if known: it is
            pruned with that one.
    """

    checkpoint_id: str
    parent_id: str | None
    head: bytes
    metadata: bytes
    versions: Mapping[str, Version]
    changed: Mapping[str, Value]
    unchanged: Mapping[str, MakeValue]
    run_id: str | None = None
    replayed: Sequence[str] = ()
    follows_last: bool = False
    root_id: str | None = None


class NewWrite(NamedTuple):
    """A write of a task to be stored.

    Attributes:
        number: Its number among the task's writes: from 0 on, they are written once, and a repetition changes nothing.
            Numbers below 0 are for special writes, such as errors and interrupts: a repetition replaces them.
        channel: Its channel.
        value: Its value.
    """

    number: int
    channel: str
    value: Value

    @property
    def size(self) -> int:
        """The bytes of its value."""
        return sum(map(len, self.value.parts))


class Write(NamedTuple):
    """A stored write.

    Attributes:
        task_id: The task that wrote it.
        channel: Its channel.
        value: Its value.
        task_path: The task's path, as it was given.
        number: Its number among the task's writes.
    """

    task_id: str
    channel: str
    value: Value
    task_path: str
    number: int


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A stored checkpoint.

    Attributes:
        thread_id: Its thread.
        ns: Its namespace.
        checkpoint_id: Its id.
        parent_id: The id of the checkpoint that it follows; that one may be gone.
        run_id: The run that made it.
        head: As it was put.
        metadata: As it was put.
        versions: As they were put.
        values: All values, by channel.
        writes: Its tasks' writes, ordered by task path, task id and number, compared as text.
        owner: The owner of its thread, as `labels.py` writes it.
    """

    thread_id: str
    ns: str
    checkpoint_id: str
    parent_id: str | None
    run_id: str | None
    head: bytes
    metadata: bytes
    versions: Mapping[str, Version]
    values: Mapping[str, Value]
    writes: Sequence[Write]
    owner: str | None = None


class History(NamedTuple):
    """The writes that a channel's value is rebuilt from, as of before a checkpoint.

    Attributes:
        writes: The writes to it in the checkpoints before, oldest first, from the seed's own on.
        seed: Its value in the nearest checkpoint before that has one; ``None`` if none has.
    """

    writes: list[Write]
    seed: Value | None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which checkpoints are listed.

    Attributes:
        thread_id: Only this thread's; all threads', if ``None``.
        ns: Only this namespace's; all, if ``None``.
        checkpoint_id: Only those with this id.
        before: Only those with a lower id.
        limit: At most so many.
        owner: Only those of threads of this owner, as `labels.py` writes it.
    """

    thread_id: str | None = None
    ns: str | None = None
    checkpoint_id: str | None = None
    before: str | None = None
    limit: int | None = None
    owner: str | None = None


class Pruned(NamedTuple):
    """The rows that were pruned, or would be.

    Attributes:
        checkpoints: How many checkpoints went.
        writes: How many tasks' writes went with them.
        bytes: The bytes of their contents, with pieces that only they needed.
        kept: The checkpoints that only stay because a channel is rebuilt from them; they are no longer listed.
    """

    checkpoints: int = 0
    writes: int = 0
    bytes: int = 0
    kept: int = 0


class ThreadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A thread in a list.

    Attributes:
        thread_id: Its id.
        owner: Its owner, as `labels.py` writes it.
        created_at: When it was made.
        updated_at: When a checkpoint or a write was last stored in it.
        ttl: For how long it is kept after that, in microseconds; ``None`` for ever.
        checkpoint_id: Its latest checkpoint in the namespace ``""``; ``None`` without any.
        metadata: That checkpoint's metadata.
        namespaces: How many namespaces it has.
        cursor: Continues the list behind it.
    """

    thread_id: str
    owner: str | None
    created_at: int
    updated_at: int
    ttl: int | None
    checkpoint_id: str | None
    metadata: bytes | None
    namespaces: int
    cursor: str

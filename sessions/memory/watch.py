"""The changes of memories after a place, for watchers: of each namespace in order, each once.

Namespaces have clocks of their own, so a place is a version of each. Puts are told from the memories' versions,
removals from their records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.dialect import text_of_key
from sessions.db.topics import Topic
from sessions.labels import as_stored
from sessions.memory.paths import range_of
from sessions.memory.statements import watching as statements
from sessions.memory.statements.spaces import TOPICS
from sessions.memory.writing import REMOVALS_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.types.memories import MemoryChangeKind

_AT_ONCE: Final = 100
"""Changes read in one transaction: a reader that is far behind keeps no snapshot for long, nor all in memory."""


class Place(NamedTuple):
    """A watcher's place in the changes below a prefix.

    Attributes:
        versions: The version that was seen last of each namespace, by its internal id.
        paths: The namespaces' paths, as far as they are known; a cursor has none.
    """

    versions: Mapping[int, int]
    paths: Mapping[int, str]


class Seen(NamedTuple):
    """A change.

    Attributes:
        kind: Its kind.
        path: The path of the namespace; of the watched prefix if the namespace is not known any more.
        key: The memory's key, if it is about one.
        version: The namespace's version then.
        steps: How many of `Found.steps` lead to the place behind it.
    """

    kind: MemoryChangeKind
    path: str
    key: str | None
    version: int
    steps: int


class Found(NamedTuple):
    """The changes found after a place.

    Attributes:
        changes: The changes.
        after: The place.
        steps: The namespaces that move on, and the version of each then; ``None`` for one that is gone.
        paths: The paths of the namespaces that are there.
        is_all: Whether these were all.
    """

    changes: list[Seen]
    after: Place
    steps: list[tuple[int, int | None]]
    paths: Mapping[int, str]
    is_all: bool

    def versions_at(self, steps: int) -> dict[int, int]:
        """Return the versions at the place behind some steps."""
        moved = {**self.after.versions, **dict(self.steps[:steps])}
        return {space: version for space, version in moved.items() if version is not None}

    @property
    def place(self) -> Place:
        """Where to go on."""
        return Place(self.versions_at(len(self.steps)), self.paths)


def topic_of(path: str) -> Topic:
    """Return the topic of the namespaces below a prefix."""
    return Topic(TOPICS + path, _look)


def _look(tx: Transaction, names: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in names:
        low, high = range_of(name.removeprefix(TOPICS))
        found[name] = tuple(tx.the(statements.SUM_BETWEEN, low=low, high=high))
    return found


def find_place(tx: Transaction, path: str, owner: str | None = None) -> Place:
    """Return where the namespaces below a prefix are now: all of them, or an owner's."""
    spaces = _spaces(tx, path, owner)
    return Place({space: version for space, (_, version, _) in spaces.items()}, _paths(spaces))


def changes_since(tx: Transaction, path: str, place: Place, now: int, owner: str | None = None) -> Found:
    """Return changes after a place, up to a bounded number."""
    spaces = _spaces(tx, path, owner)
    changes: list[Seen] = []
    steps: list[tuple[int, int | None]] = []
    found = Found(changes, place, steps, _paths(spaces), is_all=True)
    for space in sorted(place.versions.keys() - spaces.keys()):
        steps.append((space, None))
        known = place.paths.get(space)
        kind: MemoryChangeKind = "reset" if known is None else "erased"
        changes.append(Seen(kind, path if known is None else known, None, place.versions[space], len(steps)))
    for space, (name, version, removed) in spaces.items():
        after = place.versions.get(space, 0)
        if after == version:
            continue
        if len(changes) >= _AT_ONCE:
            return found._replace(is_all=False)
        if after > version or (after and removed > after and version - after > REMOVALS_KEPT):
            steps.append((space, version))
            changes.append(Seen("reset", name, None, version, len(steps)))
            continue
        rest = _AT_ONCE - len(changes)
        news = _changes_of(tx, space, after, now, rest)
        for at, key, what in news[:rest]:
            steps.append((space, at))
            changes.append(Seen(what, name, key, at, len(steps)))
        if len(news) > rest:
            return found._replace(is_all=False)
        steps.append((space, version))
    return found


def _changes_of(
    tx: Transaction, space: int, after: int, now: int, count: int
) -> list[tuple[int, str, MemoryChangeKind]]:
    """Return the first changes of a namespace after a version; one more than `count` if there are more."""
    values = {"space": space, "after": after, "count": count + 1}
    put = tx.all(statements.PUT_AFTER, now=now, **values)
    removed = tx.all(statements.REMOVED_AFTER, **values)
    return sorted([*_named(put, "put"), *((version, text_of_key(key), what) for version, key, what in removed)])[
        : count + 1
    ]


def _named(rows: Iterable[Row], kind: MemoryChangeKind) -> list[tuple[int, str, MemoryChangeKind]]:
    return [(version, text_of_key(key), kind) for version, key in rows]


def _spaces(tx: Transaction, path: str, owner: str | None) -> dict[int, tuple[str, int, int]]:
    """Return path, version and version of the last removal of each namespace below a prefix."""
    low, high = range_of(path)
    rows = tx.all(statements.SPACES_BETWEEN, low=low, high=high)
    return {
        space: (as_stored(name), version, removed)
        for space, name, version, removed, whose in rows
        if owner is None or (whose is not None and as_stored(whose) == owner)
    }


def _paths(spaces: Mapping[int, tuple[str, int, int]]) -> dict[int, str]:
    return {space: name for space, (name, _, _) in spaces.items()}

"""Reading memories: by their keys, and in lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sessions.clock import now
from sessions.labels import cursor_of, labels_of_cursor
from sessions.memories.filtering import Filtering
from sessions.memories.hold import check_key
from sessions.memory.paths import check_prefix
from sessions.memory.read import Get, Refresh, due, get_many
from sessions.types.memories import Namespace
from sessions.validation import DEFAULT, Default, check_count, check_flags

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from sessions.labels import Owner
    from sessions.memories.hold import Hold
    from sessions.memory.rows import MemoryRow
    from sessions.types.memories import Labels, Memory


class Reading:
    """The methods that read."""

    _hold: Hold

    async def get(
        self, namespace: Sequence[str], key: str, *, refresh: bool = False, owner: Owner | Default = DEFAULT
    ) -> Memory | None:
        """Return a memory, or ``None`` if it is missing or has expired.

        Example: ``memory = await store.memories.get(("users", "alice"), "style")``

        Args:
            namespace: As for `put`.
            key: As for `put`.
            refresh: Whether the memory, if it expires, lives for its whole `ttl` again, or up to a sixteenth longer.
            owner: The owner that the namespace must have.

        Raises:
            OwnerError: The namespace belongs to another owner, or has none and `owner` is given.
            UndecodableItemError: The value cannot be read.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        check_flags(refresh=refresh)
        hold = self._hold
        row = await hold.read(Get(hold.path(namespace), check_key(key), now(), hold.owner_of(owner)))
        if row is None:
            return None
        if refresh:
            (row,) = await self._refreshed([row], refresh=True)
        return hold.memory(*await hold.opened([row]))

    async def get_many(
        self, keys: Iterable[tuple[Sequence[str], str]], *, refresh: bool = False
    ) -> builtins.list[Memory | None]:
        """Return memories as of one moment, in the order of their keys, with ``None`` for those that are missing.

        Example: ``style, tone = await mine.get_many([(("preferences",), "style"), (("preferences",), "tone")])``

        Args:
            keys: Pairs of a namespace and a key, for example ``[(("users", "alice"), "style")]``.
            refresh: As for `get`.

        Raises:
            OwnerError: A namespace belongs to another owner than this object is for.
            UndecodableItemError: A value cannot be read.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        check_flags(refresh=refresh)
        hold, at = self._hold, now()
        wanted = [(hold.path(namespace), check_key(key)) for namespace, key in _checked_pairs(keys)]
        if not wanted:
            return []
        found = await hold.read(lambda tx: get_many(tx, wanted, at, hold.owner))
        refreshed = await self._refreshed(list(found.values()), refresh=refresh)
        rows = {(row.path, row.name): row for row in await hold.opened(refreshed)}
        return [hold.memory(rows[one]) if one in rows else None for one in wanted]

    async def list(
        self,
        prefix: Sequence[str] = (),
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the word of this field
        limit: int = 100,
        after: str | None = None,
        filter_budget: int | None = None,
    ) -> builtins.list[Memory]:
        """List one page of the memories of a namespace and of all namespaces below it, by namespace and key.

        Example: ``facts = await store.memories.list(("users", "alice"), filter={"type": "fact"}, limit=50)``

        Labels and keys are in the order of their UTF-8 bytes. A memory that others put while you page may be missing;
        no other one is, and none comes twice.

        Args:
            prefix: The first labels of the namespaces; none for all of them.
            filter: Only memories whose values match: ``{"type": "fact", "weight": {"$gte": 3}}``. docs/filters.md has
                the language.
            limit: The maximum number of memories. A page is shorter only if no more of them match.
            after: The `cursor` of the previous page's last memory.
            filter_budget: The maximum number of memories that the filter looks at; ``None`` for any number.

        Raises:
            InvalidFilterError: The filter is not one; nothing was read.
            FilterTooBroadError: The filter would look at more memories than `filter_budget`.
            UndecodableItemError: A value cannot be read.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or `after` is not a cursor.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.listing import ListMemories  # noqa: PLC0415 - many programs list nothing

        hold = self._hold
        limit = check_count(limit, "limit", least=1)
        below, place = hold.below(prefix, now()), hold.place(after)
        filtering = Filtering(hold, filter, filter_budget)
        if filtering.compiled is not None:
            found = await filtering.rows(below, place, limit)
            return [hold.memory(row) for row in await hold.opened(found)]
        rows = await hold.read(ListMemories(below, place, limit))
        return [hold.memory(row) for row in await hold.opened(rows)]

    async def count(
        self,
        prefix: Sequence[str] = (),
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the word of this field
        filter_budget: int | None = None,
    ) -> int:
        """Count the memories of a namespace and of all namespaces below it.

        Example: ``number = await store.memories.count(("users", "alice"))``

        The cost rises with their number.

        Args:
            prefix: The first labels of the namespaces; none for all of them.
            filter: As for `list`.
            filter_budget: As for `list`.

        Raises:
            InvalidFilterError: The filter is not one; nothing was read.
            FilterTooBroadError: The filter would look at more memories than `filter_budget`.
            UndecodableItemError: A value cannot be read.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.listing import count  # noqa: PLC0415 - as above

        below = self._hold.below(prefix, now())
        filtering = Filtering(self._hold, filter, filter_budget)
        if filtering.compiled is not None:
            return await filtering.count(below)
        return await self._hold.read(lambda tx: count(tx, below))

    async def namespaces(
        self,
        prefix: Sequence[str] = (),
        *,
        suffix: Sequence[str] = (),
        max_depth: int | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> builtins.list[Namespace]:
        """List one page of the namespaces that have memories, with the number of these, in the order of their labels.

        Example: ``users = await store.memories.namespaces(("users",), max_depth=2)``

        Args:
            prefix: Their first labels; ``"*"`` stands for any label.
            suffix: Their last labels; ``"*"`` as there.
            max_depth: Cut namespaces after so many labels, and count the memories of all that are the same then.
            limit: The maximum number of namespaces.
            after: The `cursor` of the previous page's last namespace, of a list with the same `max_depth`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or `after` is not a cursor.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.listing import WILDCARD, Pattern, namespaces  # noqa: PLC0415 - as above

        hold = self._hold
        hold.below(prefix, 0)
        check_prefix(suffix, "suffix")
        first: Labels = tuple(prefix)
        known = first[: first.index(WILDCARD)] if WILDCARD in first else first
        depth = None if max_depth is None else check_count(max_depth, "max_depth", least=1) + len(hold.prefix)
        pattern = Pattern((*hold.prefix, *first), tuple(suffix), depth, len(hold.prefix))
        limit = check_count(limit, "limit", least=1)
        behind = None if after is None else hold.path(labels_of_cursor(after))
        below = hold.below(known, now())
        found = await hold.read(lambda tx: namespaces(tx, below, pattern, behind, limit))
        listed = [(one.labels[len(hold.prefix) :], one.memories) for one in found]
        return [Namespace(namespace=labels, memories=memories, cursor=cursor_of(labels)) for labels, memories in listed]

    async def _refreshed(self, rows: builtins.list[MemoryRow], *, refresh: bool) -> builtins.list[MemoryRow]:
        """Return memories that were read, with their ends put off if that is wanted."""
        at = now()
        if not refresh or not (some := due(rows, at)):
            return rows
        ends = await self._hold.write(Refresh(some, at))
        return [row._replace(expires_at=ends.get(row.id, row.expires_at)) for row in rows]


def _checked_pairs(keys: object) -> builtins.list[tuple[Any, Any]]:
    if isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable):
        raise TypeError(
            f"keys must be a list of pairs of a namespace and a key, not {type(keys).__name__}. Nothing was read. "
            "Write [(('users', 'alice'), 'style')]."
        )
    pairs = list(keys)
    for number, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or isinstance(pair[0], str):  # noqa: PLR2004 - a pair
            raise TypeError(
                f"keys[{number}] must be a pair of a namespace and a key, not {_kind(pair)}. Nothing was read. Write "
                "[(('users', 'alice'), 'style')]."
            )
    return pairs


def _kind(value: object) -> str:
    """Return the fault of a value that is not a pair."""
    if isinstance(value, tuple | list):
        kinds = ", ".join(type(one).__name__ for one in value[:3]) + (", …" if len(value) > 3 else "")  # noqa: PLR2004
        return f"{type(value).__name__} of {kinds or 'nothing'}"
    return type(value).__name__

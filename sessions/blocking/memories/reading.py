"""Reading memories: by their keys, and in lists.

Made by scripts/build_blocking.py from sessions/memories/reading.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Sequence
    from typing import Any

    import sessions.memories.reading
    from sessions.labels import Owner
    from sessions.types.memories import Memory, Namespace
    from sessions.validation import Default


class Reading(Part):
    """The methods that read."""

    _async: sessions.memories.reading.Reading

    def get(
        self, namespace: Sequence[str], key: str, *, refresh: bool = False, owner: Owner | Default = DEFAULT
    ) -> Memory | None:
        """Return a memory, or ``None`` if it is missing or has expired.

        Example: ``memory = store.memories.get(("users", "alice"), "style")``

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
        return run(self._async.get(namespace, key, refresh=refresh, owner=owner))

    def get_many(
        self, keys: Iterable[tuple[Sequence[str], str]], *, refresh: bool = False
    ) -> builtins.list[Memory | None]:
        """Return memories as of one moment, in the order of their keys, with ``None`` for those that are missing.

        Example: ``style, tone = mine.get_many([(("preferences",), "style"), (("preferences",), "tone")])``

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
        return run(self._async.get_many(keys, refresh=refresh))

    def list(
        self,
        prefix: Sequence[str] = (),
        *,
        filter: dict[str, Any] | None = None,
        limit: int = 100,
        after: str | None = None,
        filter_budget: int | None = None,
    ) -> builtins.list[Memory]:
        """List one page of the memories of a namespace and of all namespaces below it, by namespace and key.

        Example: ``facts = store.memories.list(("users", "alice"), filter={"type": "fact"}, limit=50)``

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
        return run(self._async.list(prefix, filter=filter, limit=limit, after=after, filter_budget=filter_budget))

    def count(
        self, prefix: Sequence[str] = (), *, filter: dict[str, Any] | None = None, filter_budget: int | None = None
    ) -> int:
        """Count the memories of a namespace and of all namespaces below it.

        Example: ``number = store.memories.count(("users", "alice"))``

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
        return run(self._async.count(prefix, filter=filter, filter_budget=filter_budget))

    def namespaces(
        self,
        prefix: Sequence[str] = (),
        *,
        suffix: Sequence[str] = (),
        max_depth: int | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> builtins.list[Namespace]:
        """List one page of the namespaces that have memories, with the number of these, in the order of their labels.

        Example: ``users = store.memories.namespaces(("users",), max_depth=2)``

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
        return run(self._async.namespaces(prefix, suffix=suffix, max_depth=max_depth, limit=limit, after=after))

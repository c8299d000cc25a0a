"""Putting, updating and deleting memories.

Made by scripts/build_blocking.py from sessions/memories/writing.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta
    from typing import Any

    import sessions.memories.writing
    from sessions.labels import Owner
    from sessions.types.memories import Memory, Put
    from sessions.validation import Default


class Writing(Part):
    """The methods that put and delete."""

    _async: sessions.memories.writing.Writing

    def put(
        self,
        namespace: Sequence[str],
        key: str,
        value: Mapping[str, Any],
        *,
        ttl: float | timedelta | Default | None = DEFAULT,
        index: bool | Sequence[str] = True,
        if_version: int | None = None,
        owner: Owner | Default = DEFAULT,
    ) -> Memory:
        """Put a memory, in place of the one with this key. It is on disk when this returns.

        Example: ``store.memories.put(("users", "alice"), "style", {"text": "prefers short answers"})``

        Args:
            namespace: One to 16 labels, from the widest to the narrowest: text without NUL characters, at most 1,024
                bytes in UTF-8 together. Upper and lower case, accents and spaces count.
            key: The key: text of 1 to 512 bytes in UTF-8.
            value: A JSON object, or anything that the store's codec keeps.
            ttl: Seconds until it expires, ``None`` for never; the store's `memory_ttl` if left out.
            index: Whether search finds it; or the fields whose texts it finds, instead of the store's `embed_fields`.
            if_version: The version that the memory must have; 0 if there must be none.
            owner: The owner that the namespace must have, and gets when it is made. ``None`` is refused, as it may come
                from a login that failed.

        Returns:
            The memory as it is stored, with its version.

        Raises:
            ConflictError: The memory has another version than `if_version`. Its own version is the error's.
            OwnerError: The namespace belongs to another owner, or has none and `owner` is given.
            InvalidItemError: The value cannot be stored without loss.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.put(namespace, key, value, ttl=ttl, index=index, if_version=if_version, owner=owner))

    def put_many(self, items: Iterable[Put]) -> list[Memory]:
        """Put memories of any namespaces in one transaction: all of them, or none.

        Example: ``store.memories.put_many([Put(("users", "alice"), "style", {"text": "short"})])``

        Args:
            items: The memories, each with the arguments of `put`. No two may have the same namespace and key.

        Returns:
            The memories as they are stored, in the same order.

        Raises:
            ConflictError: A memory has another version than its `if_version`.
            OwnerError: A namespace belongs to another owner, or has none and one is given.
            InvalidItemError: A value cannot be stored without loss.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or two items are the same memory.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.put_many(items))

    def update(
        self,
        namespace: Sequence[str],
        key: str,
        change: Callable[[dict[str, Any] | None], Mapping[str, Any] | None],
        *,
        ttl: float | timedelta | Default | None = DEFAULT,
        index: bool | Sequence[str] | Default = DEFAULT,
        owner: Owner | Default = DEFAULT,
    ) -> Memory | None:
        """Change a memory by a function, so that no change of another caller is lost.

        Example: ``mine.update(("counts",), "visits", lambda old: {"n": (old or {"n": 0})["n"] + 1})``

        The value is read, changed outside of any transaction, and put only if the memory still has the version that was
        read. Otherwise this begins again, so the function may be called several times.

        Args:
            namespace: As for `put`.
            key: As for `put`.
            change: Returns the new value. It gets a copy of the present one, or ``None`` without one; if it returns
                ``None``, the memory is deleted.
            ttl: As for `put`; if left out, the memory's own, which begins again.
            index: As for `put`; if left out, search finds the memory by the same fields as before, or does not find it.
            owner: As for `put`.

        Returns:
            The memory as it is stored; ``None`` if it was deleted, or was and stays missing.

        Raises:
            ConflictError: Others changed the memory a thousand times meanwhile.
            OwnerError: The namespace belongs to another owner, or has none and one is given.
            InvalidItemError: The new value cannot be stored without loss.
            UndecodableItemError: The present value cannot be read.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.update(namespace, key, change, ttl=ttl, index=index, owner=owner))

    def delete(
        self, namespace: Sequence[str], key: str, *, if_version: int | None = None, owner: Owner | Default = DEFAULT
    ) -> bool:
        """Delete a memory. Return whether there was one.

        Example: ``existed = store.memories.delete(("users", "alice"), "style")``

        Its bytes may stay in the database's files until `Store.scrub`.

        Args:
            namespace: As for `put`.
            key: As for `put`.
            if_version: The version that the memory must have.
            owner: The owner that the namespace must have.

        Raises:
            ConflictError: The memory has another version than `if_version`, or is missing.
            OwnerError: The namespace belongs to another owner, or has none and `owner` is given.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.delete(namespace, key, if_version=if_version, owner=owner))

"""Watching memories: every change below a prefix, from any process, as it happens.

Made by scripts/build_blocking.py from sessions/memories/watching.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, Steps, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sessions.memories.watching
    from sessions.types.memories import MemoryChange


class Watching(Part):
    """The methods for watching."""

    _async: sessions.memories.watching.Watching

    def watch(self, prefix: Sequence[str] = (), *, after: str | None = None) -> Steps[MemoryChange]:
        """Return an iterator over the changes of memories below a prefix. It waits for new ones.

        Example: ``for change in store.memories.watch(("users", "alice")): print(change.kind, change.key)``

        It yields the changes of each namespace in their order, from any process, even across lost connections. A change
        has no value: get the memory if you need it. A memory that was put several times before it was read appears
        once, with its last version; one that was also removed, only as removed. A change of kind ``reset`` means that
        changes were missed: over 1000 versions of the namespace have passed, with removals among them, or a namespace
        was erased while nobody watched. Read the memories of its namespace again.

        An iterator that raised has ended; start a new one after the cursor of the last change it returned. To release
        its resources at once, use `contextlib.closing`.

        Args:
            prefix: The first labels of the namespaces; none for all of them.
            after: The `cursor` of the last change that you have seen, or one that `watch_cursor` returned, with the
                same prefix. ``None`` starts with the changes after the first step.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A label is not allowed, or `after` is not a cursor of this prefix.
            StoreError: While iterating: the database refused the operation, or was unreachable for too long.
            SessionClosedError: While iterating: the store has been closed.
        """
        return Steps(self._async.watch(prefix, after=after))

    def watch_cursor(self, prefix: Sequence[str] = ()) -> str:
        """Return the cursor of now: ``watch(after=…)`` yields all changes that come later.

        Example: ``cursor = store.memories.watch_cursor(("users", "alice"))``

        Call it before you read the memories; then watch from there, and no change is missed.

        Args:
            prefix: As for `watch`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A label is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.watch_cursor(prefix))

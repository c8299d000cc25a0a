"""Removing memories for good: expired ones, and all of a prefix.

Made by scripts/build_blocking.py from sessions/memories/erasing.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run
from sessions.validation import PURGE_BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sessions.memories.erasing
    from sessions.types.memories import MemoryErasure


class Erasing(Part):
    """The methods that remove for good."""

    _async: sessions.memories.erasing.Erasing

    def erase(
        self,
        prefix: Sequence[str] = (),
        *,
        scrub: bool = True,
        erase_everything: bool = False,
        actor: str | None = None,
    ) -> MemoryErasure:
        """Erase all memories of a namespace and of all namespaces below it, and then, if possible, from the files.

        Example: ``receipt = store.memories.erase(("users", "alice"))``

        First the `KeyProvider`'s `destroy` is called for each namespace, if it has one. Memories go in short
        transactions, each namespace with its last ones; after an interruption, another call goes on. Erasing again
        finishes pending work. No key is needed. To erase all that belongs to an owner, conversations as well, call
        `Store.erase_owner`.

        Args:
            prefix: The first labels of the namespaces.
            scrub: Whether to remove the bytes from the database's files, as `Store.scrub` does. To erase many prefixes,
                call that once, after the last one.
            erase_everything: Has to be true if the prefix is empty, and this object is not `under` one.
            actor: The person or program that erases, for the audit rows (`Store.audits`): text of 1 to 255 bytes in
                UTF-8.

        Returns:
            The receipt: the removed rows and the pending work.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or the prefix is empty.
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.erase(prefix, scrub=scrub, erase_everything=erase_everything, actor=actor))

    def purge_expired(self, *, batch: int = PURGE_BATCH) -> int:
        """Delete expired memories physically, in all namespaces of the store. Readers do not see them anyway.

        Example: ``deleted = store.memories.purge_expired()``

        The store does this by itself beside later changes. It takes short transactions; after an interruption, the
        deleted memories stay deleted.

        Args:
            batch: The maximum number of memories deleted in one transaction.

        Returns:
            The number of deleted memories.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.purge_expired(batch=batch))

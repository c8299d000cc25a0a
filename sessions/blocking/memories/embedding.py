"""Embeddings of memories: how many there are, and making them again by another model.

Made by scripts/build_blocking.py from sessions/memories/embedding.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run

if TYPE_CHECKING:
    from collections.abc import Callable

    import sessions.memories.embedding
    from sessions.types.memories import Embedded, MemoryStatus


class Embedding(Part):
    """The methods about embeddings."""

    _async: sessions.memories.embedding.Embedding

    def status(self) -> MemoryStatus:
        """Count the memories, and their embeddings by model.

        Example: ``waiting = store.memories.status().pending``

        The cost rises with the number of memories.

        Raises:
            EmbeddingError: The store's embedding model failed, when it was asked whether it is still the same.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.status())

    def reembed(self, *, progress: Callable[[Embedded], object] | None = None) -> Embedded:
        """Embed all memories by the store's model that another model has embedded, or none.

        Example: ``done = store.memories.reembed(progress=print)``

        Opening a store with another model changes nothing: until this is done, memories with embeddings by another
        model are found by their words. It goes on in short transactions, while others put and search; after an
        interruption, call it again: finished parts stay. Of memories without fields of their own, the texts are those
        at the store's `embed_fields`.

        Args:
            progress: Called after each transaction with the result so far.

        Raises:
            EmbeddingError: The embedding model failed; finished transactions stay done.
            DecryptionError: The keys here do not open a namespace's memories.
            UndecodableItemError: A value cannot be read.
            ValueError: The store was opened without an embedding model.
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.reembed(progress=progress))

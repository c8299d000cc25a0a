"""Declaring the fields by which filters find memories without looking at all of them.

Made by scripts/build_blocking.py from sessions/memories/declaring.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run

if TYPE_CHECKING:
    import sessions.memories.declaring


class Declaring(Part):
    """The methods about declared fields."""

    _async: sessions.memories.declaring.Declaring

    def declare(self, *fields: str) -> None:
        """Declare fields of values, so that filters can use an index of them. Fields that are declared stay.

        Example: ``store.memories.declare("type", "tags")``

        This belongs to the database: from now on, every process writes the index with each put. Call `reindex` then;
        until that is done, filters look at all memories as before. It waits for the puts that are under way.

        A field is named as in filters: ``"type"``, or ``"user.city"``. The index holds the first 190 bytes of texts in
        the clear.

        Args:
            fields: The names of the fields.

        Raises:
            TypeError: A name is not text.
            ValueError: A name is not allowed, there would be more than 64 fields, or the store is encrypted.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        run(self._async.declare(*fields))

    def undeclare(self, *fields: str) -> None:
        """Declare fields no more: filters do not use their index from now on, and the next `reindex` removes it.

        Example: ``store.memories.undeclare("tags")``

        Args:
            fields: The names of the fields; those that are not declared are ignored.

        Raises:
            TypeError: A name is not text.
            ValueError: A name is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        run(self._async.undeclare(*fields))

    def declared(self) -> tuple[str, ...]:
        """Return the names of the declared fields, in their order.

        Example: ``fields = store.memories.declared()``

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.declared())

    def reindex(self) -> int:
        """Write the index of the declared fields for memories that were put before. Return how many it looked at.

        Example: ``looked_at = store.memories.reindex()``

        It works in transactions of up to 500 memories, beside other callers. After an interruption, another call goes
        on with the namespaces that are left.

        Raises:
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.reindex())

"""Declaring the fields by which filters find memories without looking at all of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.validation import check_text

if TYPE_CHECKING:
    from sessions.memories.hold import Hold
    from sessions.memory.settings import Settings

MOST_FIELDS: Final = 64
"""Fields that may be declared at a time: each put writes a row for each."""

_NAME_BYTES: Final = 255


class Declaring:
    """The methods about declared fields."""

    _hold: Hold

    async def declare(self, *fields: str) -> None:
        """Declare fields of values, so that filters can use an index of them. Fields that are declared stay.

        Example: ``await store.memories.declare("type", "tags")``

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
        from sessions.memory.settings import change_settings  # noqa: PLC0415 - few programs declare

        self._refuse_part("declare")
        if self._hold.common.sealing is not None:
            raise ValueError(
                "memories: this store encrypts its memories, and an index of fields would hold values in the clear. "
                "Nothing was changed. Filter without declared fields."
            )
        names = [_checked(name) for name in fields]
        await self._hold.write(lambda tx: change_settings(tx, lambda old: _bounded(old.declaring(names))))

    async def undeclare(self, *fields: str) -> None:
        """Declare fields no more: filters do not use their index from now on, and the next `reindex` removes it.

        Example: ``await store.memories.undeclare("tags")``

        Args:
            fields: The names of the fields; those that are not declared are ignored.

        Raises:
            TypeError: A name is not text.
            ValueError: A name is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.settings import change_settings  # noqa: PLC0415 - as above

        self._refuse_part("undeclare")
        names = [_checked(name) for name in fields]
        await self._hold.write(lambda tx: change_settings(tx, lambda old: old.without(names)))

    async def declared(self) -> tuple[str, ...]:
        """Return the names of the declared fields, in their order.

        Example: ``fields = await store.memories.declared()``

        Raises:
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.settings import read_settings  # noqa: PLC0415 - as above

        settings = await self._hold.read(read_settings)
        return tuple(field.name for field in settings.fields)

    async def reindex(self) -> int:
        """Write the index of the declared fields for memories that were put before. Return how many it looked at.

        Example: ``looked_at = await store.memories.reindex()``

        It works in transactions of up to 500 memories, beside other callers. After an interruption, another call goes
        on with the namespaces that are left.

        Raises:
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.reindex import Reindexing, reindex_page  # noqa: PLC0415 - as above

        self._refuse_part("reindex")
        at = Reindexing()
        while not at.is_done:
            at = await self._hold.write(partial(reindex_page, at=at, codec=self._hold.common.codec))
        return at.memories

    def _refuse_part(self, method: str) -> None:
        """Refuse changes of the whole store on an object for a part of it."""
        if self._hold.prefix or self._hold.owner:
            raise ValueError(
                f"{self._hold.subject}: {method}() concerns all memories of the store. Nothing was changed. Call "
                f"store.memories.{method}()."
            )


def _bounded(settings: Settings) -> Settings:
    if len(settings.fields) > MOST_FIELDS:
        raise ValueError(
            f"{len(settings.fields)} fields would be declared, and at most {MOST_FIELDS} can be. Nothing was changed. "
            "Undeclare some that filters do not need."
        )
    return settings


def _checked(name: object) -> str:
    text = check_text(name, "field", _NAME_BYTES)
    if text.startswith("$") or any(step.startswith("~") for step in text.split(".")):
        raise ValueError(
            f"field {text!r} cannot be declared: names that begin with '$' are operators, and '~' marks stored values. "
            "Nothing was changed. Declare another field."
        )
    return text

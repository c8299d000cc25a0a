"""The settings that all memories of a database are written by: declared fields, the tokeniser, the embedding model.

They are rows, and opening a store changes none of them. A put is prepared by the settings of a number and compares that
number in its own transaction, behind the locks of its namespaces. So once a change of the settings has been committed,
no put by older ones is under way: the change waits for all that have locked a namespace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sessions.memory.statements import settings as statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.transaction import Transaction


class Field(msgspec.Struct, frozen=True):
    """A declared field.

    Attributes:
        name: Its name, as filters have it.
        number: Its number in rows. A field that is declared again gets another one.
        is_ready: Whether all memories have their rows, so that filters may use them.
    """

    name: str
    number: int
    is_ready: bool = False


class Settings(msgspec.Struct, frozen=True):
    """The settings of memories.

    Attributes:
        number: Rises with each change.
        tokenizer: The number of the algorithm that makes words.
        embedder: The number of the current embedding model, if there is one.
        fields: The declared fields, by name.
        last_field: The highest number that a field was given.
    """

    number: int = 0
    tokenizer: int = 1
    embedder: int | None = None
    fields: tuple[Field, ...] = ()
    last_field: int = 0

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers of all declared fields, by name: a put writes rows of these."""
        return {field.name: field.number for field in self.fields}

    @property
    def ready(self) -> dict[str, int]:
        """The numbers of the fields that filters may use, by name."""
        return {field.name: field.number for field in self.fields if field.is_ready}

    def declaring(self, names: Sequence[str]) -> Settings:
        """Return the same with more fields; fields that are declared already stay."""
        new = [name for name in dict.fromkeys(names) if name not in self.numbers]
        made = [Field(name, self.last_field + index) for index, name in enumerate(new, 1)]
        fields = tuple(sorted((*self.fields, *made), key=lambda field: field.name))
        return msgspec.structs.replace(self, fields=fields, last_field=self.last_field + len(new))

    def without(self, names: Sequence[str]) -> Settings:
        """Return the same without some fields."""
        return msgspec.structs.replace(self, fields=tuple(field for field in self.fields if field.name not in names))


class SettingsMovedError(Exception):
    """A put was prepared by settings that have changed since; nothing was written. Read them and prepare it again."""


class _Fields(msgspec.Struct):
    """The column `fields`."""

    fields: tuple[Field, ...]
    last_field: int


_decode_fields = msgspec.json.Decoder(_Fields).decode


def read_settings(tx: Transaction) -> Settings:
    """Return the settings; those of the beginning if there is no row."""
    row = tx.one(statements.SETTINGS)
    if row is None:
        return Settings()
    number, tokenizer, embedder, written = row
    fields = _Fields((), 0) if written is None else _decode_fields(bytes(written))
    return Settings(number, tokenizer, embedder, fields.fields, fields.last_field)


def ensure_settings(tx: Transaction) -> None:
    """Make the row, in a transaction before the first change of it: puts on MariaDB lock it while they run."""
    tx.run(statements.NEW_SETTINGS)


def change_settings(tx: Transaction, change: Callable[[Settings], Settings]) -> Settings:
    """Change the settings, and wait for all puts that are under way. Return them as they are then.

    The row has to be there: see `ensure_settings`.
    """
    tx.run(statements.WAIT_FOR_PUTS)
    tx.run(statements.LOCK_SETTINGS)
    old = read_settings(tx)
    new = change(old)
    if new == old:
        return old
    new = msgspec.structs.replace(new, number=old.number + 1)
    tx.run(
        statements.CHANGE_SETTINGS,
        number=new.number,
        tokenizer=new.tokenizer,
        embedder=new.embedder,
        fields=_written(new),
    )
    return new


def mark_ready(tx: Transaction, number: int) -> bool:
    """Note that all memories have the rows of the declared fields, unless the settings have changed since a number."""
    tx.run(statements.LOCK_SETTINGS)
    settings = read_settings(tx)
    if settings.number != number:
        return False
    fields = tuple(Field(field.name, field.number, is_ready=True) for field in settings.fields)
    if fields != settings.fields:
        tx.run(statements.MARK_FIELDS, fields=_written(msgspec.structs.replace(settings, fields=fields)))
    return True


def _written(settings: Settings) -> bytes | None:
    if not settings.last_field:
        return None
    return msgspec.json.encode(_Fields(settings.fields, settings.last_field))

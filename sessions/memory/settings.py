"""The settings that all memories of a database are written by: declared fields, the tokeniser, the embedding model.

They are rows, and opening a store changes none of them. A put is prepared by the settings of a number and compares that
number in its own transaction, behind the locks of its namespaces. A change of the settings waits for all puts that have
locked a namespace; so once it has been committed, no put by older ones is under way there.

A namespace notes the number of the settings that all its rows follow. `reindex` raises it; a new namespace has that of
its first put. Filters use a field where all namespaces below their prefix follow its declaration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sessions.memory.statements import settings as statements
from sessions.text_search.words import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.transaction import Row, Transaction


class Field(msgspec.Struct, frozen=True):
    """A declared field.

    Attributes:
        name: Its name, as filters have it.
        number: Its number in rows. A field that is declared again gets another one.
        since: The number of the settings that declared it.
    """

    name: str
    number: int
    since: int


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
    tokenizer: int = ALGORITHM
    embedder: int | None = None
    fields: tuple[Field, ...] = ()
    last_field: int = 0

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers of all declared fields, by name: a put writes rows of these."""
        return {field.name: field.number for field in self.fields}

    def followed_by(self, number: int) -> dict[str, int]:
        """Return the numbers of the fields of which namespaces have all rows, by name.

        Args:
            number: The lowest number of the settings that all rows of the namespaces follow.
        """
        return {field.name: field.number for field in self.fields if field.since <= number}

    def declaring(self, names: Sequence[str]) -> Settings:
        """Return the same with more fields; fields that are declared already stay."""
        new = [name for name in dict.fromkeys(names) if name not in self.numbers]
        made = [Field(name, self.last_field + index, self.number + 1) for index, name in enumerate(new, 1)]
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
    """Return the settings; those of the beginning if the row is missing."""
    return settings_of(tx.one(statements.SETTINGS))


def settings_of(row: Row | None) -> Settings:
    """Return the settings of a row; those of the beginning without one."""
    if row is None:
        return Settings()
    number, tokenizer, embedder, written = row
    fields = _Fields((), 0) if written is None else _decode_fields(bytes(written))
    return Settings(number, tokenizer, embedder, fields.fields, fields.last_field)


def change_settings(tx: Transaction, change: Callable[[Settings], Settings]) -> Settings:
    """Change the settings, and wait for all puts that are under way. Return them as they are then."""
    tx.run(statements.WAIT_FOR_PUTS)
    tx.run(statements.NEW_SETTINGS)
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


def _written(settings: Settings) -> bytes | None:
    if not settings.last_field:
        return None
    return msgspec.json.encode(_Fields(settings.fields, settings.last_field))

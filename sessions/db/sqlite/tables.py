"""The first look at our tables in a SQLite file: whether they are there, and for which of the SDK's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessions.clock import now
from sessions.log.adopt.table_pair import claim, is_ours
from sessions.log.schema import migrate, schema_is_current

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import ForeignTables

T = TypeVar("T")


class TablesMissingError(Exception):
    """Our tables with this prefix are not there yet, or older; the job was not done."""


class First(Generic[T]):
    """The first work of a process about tables: it looks first whether they are there, and whose they are.

    Attributes:
        is_ours: Whether they are noted to be those of the pair of tables, once this was done.
    """

    def __init__(
        self,
        work: Callable[[Transaction], T],
        where: str,
        prefix: str,
        foreign: ForeignTables,
        subject: str,
        *,
        write: bool,
    ) -> None:
        self._work = work
        self._where = where
        self._prefix = prefix
        self._foreign = foreign
        self._subject = subject
        self._write = write
        self.is_ours = False

    def __call__(self, tx: Transaction) -> T:
        """Do it in `tx`.

        Raises:
            TablesMissingError: This only reads, and there are no tables with the prefix.
            ValueError: The tables are another pair's.
        """
        if not schema_is_current(tx, self._where):
            if not self._write:
                raise TablesMissingError
            migrate(tx, now())
        if self._write:
            claim(tx, self._foreign, self._subject)
        self.is_ours = self._write or is_ours(tx, self._foreign, self._subject)
        return self._work(tx)


def nothing(tx: Any) -> None:
    """Do nothing, as a job whose tables are to be made."""
    del tx

"""The first look at our tables in a SQLite file: whether they are there, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from sessions.clock import now
from sessions.db.migrations import is_current, migrate
from sessions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.component import Component
    from sessions.db.transaction import Transaction

T = TypeVar("T")


class TablesMissingError(Exception):
    """Our tables with this prefix are not there yet, or older; the job was not done."""


class First(Generic[T]):
    """The first work of a process about tables: it looks first whether they are there, and whose they are.

    Attributes:
        is_ours: Whether they are noted to be the components' owners', once this was done.
    """

    def __init__(
        self,
        work: Callable[[Transaction], T],
        where: str,
        components: Sequence[Component],
        subject: str,
        *,
        write: bool,
    ) -> None:
        self._work = work
        self._where = where
        self._schemas = [one.schema for one in components]
        self._owners = [one.owner for one in components if one.owner is not None]
        self._subject = subject
        self._write = write
        self.is_ours = False

    def __call__(self, tx: Transaction) -> T:
        """Do it in `tx`.

        Raises:
            TablesMissingError: This only reads, and tables with the prefix are missing.
            ValueError: The tables are another owner's.
        """
        self.make_tables(tx)
        if self._write:
            for owner in self._owners:
                owner.note(tx, self._subject)
        self.is_ours = self._write or all(owner.is_noted(tx, self._subject) for owner in self._owners)
        return self._work(tx)

    def make_tables(self, tx: Transaction) -> None:
        """Make the tables in `tx` if they are missing or older, and note no owner.

        Raises:
            TablesMissingError: This only reads.
        """
        try:
            if not is_current(tx, self._schemas, self._where):
                if not self._write:
                    raise TablesMissingError
                migrate(tx, self._schemas, now(), self._where)
        except StoreError as error:
            raise error.about(self._subject) from error.__cause__

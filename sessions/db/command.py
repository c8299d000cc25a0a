"""Commands: work that describes its own properties to the database.

A database runs any function of a transaction. A command is one with properties beside: they tell whether it may be
repeated, how much it carries, or that it can be done briefly. So a database knows no command by name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sessions.db.transaction import Row, Statement, Transaction

T = TypeVar("T")

Leftover: TypeAlias = tuple[Callable[["Transaction", list[Any]], None], Any]
"""A function that removes rows nobody needs any more, and what to tell it of one command."""


class _Long(Enum):
    LONG = auto()


Long: TypeAlias = Literal[_Long.LONG]
LONG: Final = _Long.LONG
"""What a command returns that was to be done briefly, and would take long; it has done nothing."""


class Command(Generic[T]):
    """A function of a transaction, with the properties that a database uses. The defaults fit any function."""

    __slots__ = ()

    def __call__(self, tx: Transaction) -> T:
        """Do it in `tx`."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """The bytes of its payloads: groups have a bounded size."""
        return 0

    @property
    def payloads(self) -> Iterable[bytes]:
        """The values that it sends, each in a statement: a server bounds their size."""
        return ()

    @property
    def repeatable(self) -> bool:
        """Whether it may run again although it may have been committed, as when its answer was lost."""
        return False

    def made_repeatable(self) -> Command[T]:
        """Return the same command, repeatable if that can be done; asked for where answers can be lost."""
        return self

    @property
    def locks(self) -> Hashable | None:
        """A name of the row that it locks first, or ``None``: changes of one row wait in turn, and not all at once."""
        return None

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been done already by its fast path, whose answer was lost."""
        return False

    @property
    def leftover(self) -> Leftover | None:
        """A row that the command leaves in the database and that its answer makes useless; upkeep removes it."""
        return None

    @property
    def expires(self) -> bool:
        """Whether it adds something that expires, so that upkeep has to come soon."""
        return False

    @property
    def briefly(self) -> Callable[[Transaction], T | Long] | None:
        """Run the command if it takes a few milliseconds, else return `LONG`; ``None`` if its duration is unknown.

        A brief read may run on the writing connection, where changes wait for it.
        """
        return None


class SingleRead(Command[T]):
    """A read of one statement: a server answers it in one round trip, without a transaction around it."""

    __slots__ = ()

    @property
    def asked(self) -> tuple[Statement, Mapping[str, Any]]:
        """The statement, and its parameters."""
        raise NotImplementedError

    def of(self, rows: Sequence[Row]) -> T:
        """Return the result, by the rows of the statement."""
        raise NotImplementedError

    def __call__(self, tx: Transaction) -> T:
        """Do it in `tx`."""
        statement, values = self.asked
        return self.of(tx.all(statement, **values))


_PLAIN: Final = Command[Any]()


def repeatable_form(work: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
    """Return work in a form that can be repeated, if it has one."""
    return work.made_repeatable() if isinstance(work, Command) else work


def command_of(work: Callable[[Transaction], T]) -> Command[T]:
    """Return a piece of work as a command; a plain function gets the defaults."""
    return work if isinstance(work, Command) else _PLAIN

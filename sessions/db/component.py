"""Components: users of a database, such as conversations, and the parts that they give to each of their databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from sessions.crypto.subject import Subject
    from sessions.db.schema import Schema
    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check


class _NotDone(Enum):
    NOT_DONE = auto()


NotDone: TypeAlias = Literal[_NotDone.NOT_DONE]
NOT_DONE: Final = _NotDone.NOT_DONE
"""What a fast path returns that has done nothing: the command is then run in a transaction."""

FastPath: TypeAlias = Callable[[Any, str], Awaitable[Any]]
"""Does a command in another way than in a transaction, with the same meaning, or returns `NOT_DONE`.

It is called with the command, made repeatable if it can be, and with the subject of errors. It may have commands wait
for each other, and do them as a group (`db/groups.py`).
"""

ASYNCPG: Final = "asyncpg"
"""Where fast paths are for: a database of `db/postgres/database.py`."""


class Owner(Protocol):
    """Whose the tables are, as a database notes at the first change, where two owners must not share them.

    Two that are equal are the same owner.
    """

    def __hash__(self) -> int: ...

    def is_noted(self, tx: Transaction, subject: str) -> bool:
        """Tell whether the tables are recorded as this owner's; ``False`` if they have no owner yet.

        Raises:
            ValueError: They are another owner's.
        """
        ...

    def note(self, tx: Transaction, subject: str) -> None:
        """Note that the tables are this owner's, unless another process was first.

        Raises:
            ValueError: They are another owner's.
        """
        ...


class Removed(NamedTuple):
    """The rows that were removed when a subject was erased.

    Attributes:
        rows: How many, by table.
        others: Other libraries' tables from which rows were removed.
    """

    rows: Mapping[str, int]
    others: Sequence[str] = ()


class OwnersErased(NamedTuple):
    """Whose rows a component is to remove: those of owners in a range.

    Attributes:
        low: The first owner, as `labels.py` writes it.
        high: The first text behind the last owner.
        now: The time, in microseconds since 1970, UTC.
    """

    low: str
    high: str
    now: int


class ErasedSubject(NamedTuple):
    """A subject that is gone.

    Attributes:
        subject: Its kind and name, by which a key provider finds its keys.
        rows: How many rows of it were removed, by table, if it gets an audit row of its own.
    """

    subject: Subject
    rows: Mapping[str, int] | None = None


class OwnersPart(NamedTuple):
    """The part of owners' rows that one transaction removed.

    Attributes:
        rows: How many rows, by table.
        subjects: The subjects that are gone.
        more: Whether there may be more.
        others: Other libraries' tables from which rows were removed.
    """

    rows: Mapping[str, int]
    subjects: Sequence[ErasedSubject] = ()
    more: bool = False
    others: Sequence[str] = ()


EraseOwners: TypeAlias = Callable[["Transaction", OwnersErased, int], OwnersPart]
"""Removes all rows of up to so many subjects of some owners in a short transaction; tells whether there may be more."""


class Subjects(NamedTuple):
    """The subjects of a component that have data keys.

    Attributes:
        kind: Their kind.
        of: Returns the subject of a name.
        are_there: Tells whether the subject of a name is there.
    """

    kind: str
    of: Callable[[str], Subject]
    are_there: Callable[[Transaction, str], bool]


def owns_nothing(tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
    """Remove nothing: for a component none of whose rows belong to an owner."""
    del tx, owners, count
    return OwnersPart({})


class Component(msgspec.Struct, frozen=True, eq=False):
    """The parts that a component gives to its databases. Two with the same tables and owner are the same.

    Attributes:
        schema: Its tables, and its name.
        owner: The recorded owner of its tables, if any.
        upkeep: Removes up to so many rows whose time has come, and tells whether there may be more. It is done beside
            some changes; it locks nothing for long.
        fast: By driver, a function of a database that returns the fast paths there, by type of command.
        erase: Removes all rows of the subject of a name. Without it, each table's `of` says which rows these are.
        erase_owners: Removes rows of owners. Without it, each table's `of_owners` says which rows these are. A
            component with neither is refused by `db/erasure.py`: `owns_nothing` says that no row belongs to an owner.
        verify: Returns the checks of its rows, given how to read them: an object of the component's own choice.
        subjects: Its subjects, if they have data keys.
        purge: Removes up to so many subjects or rows whose time has come, on request; returns how many, and whether
            there may be more.
        counts: Counts its rows for an operator, by the names of `StoreStats`; it looks at each row.
    """

    schema: Schema
    owner: Owner | None = None
    upkeep: Callable[[Transaction, int], bool] | None = None
    fast: Mapping[str, Callable[[Any], Mapping[type, FastPath]]] = msgspec.field(default_factory=dict)
    erase: Callable[[Transaction, str], Removed] | None = None
    erase_owners: EraseOwners | None = None
    verify: Callable[[Any], Sequence[Check]] | None = None
    subjects: Subjects | None = None
    purge: Callable[[Transaction, int], tuple[int, bool]] | None = None
    counts: Callable[[Transaction], Mapping[str, int]] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Component):
            return NotImplemented
        return (self.schema, self.owner) == (other.schema, other.owner)

    def __hash__(self) -> int:
        return hash((self.schema, self.owner))

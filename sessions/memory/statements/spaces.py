"""Statements about namespaces: finding them, locking them, and their clocks.

A change locks the rows of its namespaces first, in the order of their ids, so no two changes wait for each other.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from sessions.db.dialect import MARIADB, POSTGRES, telling
from sessions.db.lists import parameters
from sessions.db.transaction import Statement

TOPICS: Final = "memories "
"""What the names of topics begin with; then comes the path of the watched prefix."""

TELL_WATCHERS: Final = f"""
    (
        select count({telling(f"'{TOPICS}' || left(path, n)")}) from generate_series(0, length(path)) n
        where n = 0 or substr(path, n, 1) = chr(1)
    )
"""  # noqa: S608 - of constants
"""On Postgres, once a namespace's row has changed: it and all above it are topics."""

AT_ONCE: Final = 32
"""Namespaces that one statement looks for, at most."""

SPACES_OF = Statement(
    "The numbers of some namespaces, without locking them.",
    f"select path, id from {{spaces}} where path in ({parameters('p', AT_ONCE)})",  # noqa: S608 - parameters
)

_NEW = """
    insert into {spaces} (path, version, last, owner, settings, created_at, updated_at)
    values (
        :path, 0, 0, :owner, coalesce((select m.number from {memory_settings} m where m.id = 1), 0), :created_at,
        :updated_at
    )
"""

NEW_SPACE = Statement(
    """Make a namespace, unless another process has just made it. Its version is 0 until its first memory is put.

    If the settings have changed since its first put was prepared, that put undoes it.
    """,
    f"{_NEW} on conflict (path) do nothing",
    {MARIADB: f"{_NEW} on duplicate key update path = path"},
)

_LOCK = """
    select s.path, s.id, s.version, s.last, s.removed, s.owner, s.wrapped_keys, s.marks,
    coalesce((select m.number from {memory_settings} m where m.id = 1), 0),
    coalesce((select m.floor from {memory_settings} m where m.id = 1), 0)
    from {spaces} s where
"""
_THE_SPACE = f"{_LOCK} s.id = :space"
_THE_SPACES = f"{_LOCK} s.id in ({parameters('s', AT_ONCE)}) order by s.id"


def _locking(purpose: str, text: str) -> Statement:
    """Return a statement that locks rows of namespaces, and none of the settings."""
    return Statement(purpose, f"{text} {{for_update}}", {POSTGRES: f"{text} {{for_update}} of s"})


IS_SPACE = Statement("A row if there is a namespace.", "select 1 from {spaces} where path = :path")

LOCK_SPACE = _locking(
    "Lock a namespace, and read what of the settings concerns it; no row if the namespace was removed.", _THE_SPACE
)

LOCK_PATH = _locking(
    """The same of a namespace by its path, whose entry in the index stays unlocked.

    On MariaDB, a transaction that removes the namespace locks its row first, and then this entry.
    """,
    f"{_LOCK} s.id = (select p.id from {{spaces}} p where p.path = :path)",  # noqa: S608 - words of this module
)

LOCK_SPACES = _locking("The same of some namespaces, in the order of their numbers.", _THE_SPACES)

LOCK_FREE_SPACE = Statement(
    "Lock a namespace unless another process has it.",
    _THE_SPACE,
    {POSTGRES: f"{_THE_SPACE} for update of s skip locked", MARIADB: f"{_THE_SPACE} for update skip locked"},
)

SETTINGS_NUMBER = Statement(
    """The number of the settings, once all namespaces of a change are locked.

    On MariaDB, a statement that has waited for a lock reads other rows as they were before. And the settings stay as
    they are until the change is committed, also for a namespace that nobody sees yet.
    """,
    "select number from {memory_settings} where id = 1",
    {MARIADB: "select number from {memory_settings} where id = 1 lock in share mode"},
)

_MOVE = """
    update {spaces} set version = :version, last = :last, removed = :removed, marks = :marks, updated_at = :now
    where id = :space
"""

MOVE_SPACE = Statement(
    "Move a locked namespace on to the version that a change has made.",
    _MOVE,
    {POSTGRES: f"{_MOVE} returning {TELL_WATCHERS}"},
)

SET_WRAPPED_KEYS = Statement(
    "Give a locked namespace its data keys, wrapped. From then on, its rows follow no settings.",
    "update {spaces} set wrapped_keys = :wrapped_keys, settings = -1 where id = :space",
)


@cache
def below(*, owned: bool) -> Statement:
    """Return the statement for some of the namespaces in a range of paths."""
    owner = "and owner = :owner" if owned else ""
    return Statement(
        "Some of the namespaces in a range of paths.",
        f"select id from {{spaces}} where path >= :low and path < :high {owner} order by path limit :count",  # noqa: S608 - words of this module
    )


OF_OWNERS = Statement(
    "Some of the namespaces of owners in a range.",
    "select id from {spaces} where owner >= :low and owner < :high order by owner, id limit :count",
)

SOME_OF_OWNERS = Statement(
    "Those of some locked namespaces whose owners are in a range.",
    f"select id from {{spaces}} where id in ({parameters('s', AT_ONCE)}) and owner >= :low and owner < :high",  # noqa: S608 - parameters
)

_DELETE = "delete from {spaces} where id = :space"

DELETE_SPACE = Statement("Remove a namespace.", _DELETE, {POSTGRES: f"{_DELETE} returning {TELL_WATCHERS}"})

_FLOOR = "insert into {memory_settings} (id, floor) values (1, :version)"

RAISE_FLOOR = Statement(
    "Note the version of a namespace that is removed.",
    f"{_FLOOR} on conflict (id) do update set floor = max({{memory_settings}}.floor, excluded.floor)",
    {
        POSTGRES: f"""
            {_FLOOR} on conflict (id) do update set floor = greatest({{memory_settings}}.floor, excluded.floor)
        """,
        MARIADB: f"{_FLOOR} on duplicate key update floor = greatest(floor, values(floor))",
    },
)

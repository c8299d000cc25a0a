"""Which combinations of contract and store every run tests, and which only a run with ``--everything``.

| contract             | SQLite file, Postgres, MariaDB | other drivers, versions, settings |
| -------------------- | ------------------------------ | --------------------------------- |
| session, history     | always                         | always                            |
| others               | always                         | ``--everything``                  |
| any, with encryption | always; MariaDB: everything    | ``--everything``                  |

A store's meaning is one piece of code, so a driver or a setting can only break how statements reach the database: that
is what the first two contracts show. Other tests say by the marker ``everything`` that a combination is of that kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

_ON_ALL_STORES: Final = {"SessionContract", "HistoryContract"}
_VARIANTS: Final = ("Memory", "Normal", "Psycopg", "Asyncmy", "RowByRow", "ThroughSQLAlchemy", "Older")
"""Words in the names of test classes."""


def only_with_everything(item: pytest.Item) -> bool:
    """Tell whether a test is left out of an ordinary run."""
    if item.get_closest_marker("everything"):
        return True
    if not (contracts := _contracts(item)):
        return False
    encrypted = any("Encrypted" in name for name in (_class(item), *contracts))
    if encrypted:
        return is_variant(item) or _database(item) == "mariadb"
    return is_variant(item) and not contracts & _ON_ALL_STORES


def is_variant(item: pytest.Item) -> bool:
    """Tell whether a test's store is none of the three that each run tests in full."""
    return _database(item) == "sqlite" or any(word in _class(item) for word in _VARIANTS)


def examples_left_out(item: pytest.Item) -> int:
    """Return by which number the examples of Hypothesis are divided: those on SQLite files show what all stores share.

    On Postgres it tries half of them, on MariaDB and with other drivers a quarter; with ``--everything``, all.
    """
    if not _contracts(item) or item.config.getoption("everything"):
        return 1
    if is_variant(item) or _database(item) == "mariadb":
        return 4
    return 2 if _database(item) == "postgres" else 1


def _class(item: pytest.Item) -> str:
    made = getattr(item, "cls", None)
    return made.__name__ if made else ""


def _contracts(item: pytest.Item) -> set[str]:
    made = getattr(item, "cls", None)
    return {base.__name__ for base in made.__mro__ if base.__name__.endswith("Contract")} if made else set()


def _database(item: pytest.Item) -> object:
    """Return the parameter of the fixture `url`; there, SQLite is one through SQLAlchemy."""
    call = getattr(item, "callspec", None)
    return call.params.get("url") if call else None

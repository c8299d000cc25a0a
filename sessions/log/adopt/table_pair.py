"""A database belongs to one pair of the OpenAI Agents SDK's tables: that with which it was used first.

In the SDK, two pairs of names keep two applications apart. Here the names say where sessions are taken over from, and
the log would be one for both. So the log notes its pair among its settings at the first change, and refuses others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.settings import find_setting, put_setting
from sessions.db.transaction import Statement
from sessions.errors import StoreError
from sessions.log.conversation import ForeignTables

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

SETTING: Final = "sdk_tables"

_FOLDS_CASE: Final = Statement(
    "1 if names of tables are the same in small and in capital letters.",
    "select 1",
    {POSTGRES: "select 0", MARIADB: "select @@lower_case_table_names > 0"},
)


class TablePair(NamedTuple):
    """The owner of our tables, as a database notes it.

    Attributes:
        tables: The pair.
    """

    tables: ForeignTables

    def is_noted(self, tx: Transaction, subject: str) -> bool:
        """Tell whether the log is that of these tables; not if it is not any pair's yet.

        Raises:
            ValueError: It is another pair's.
        """
        return _check(tx, self.tables, find_setting(tx, SETTING), subject)

    def note(self, tx: Transaction, subject: str) -> None:
        """Let the log be that of these tables, unless another process was first.

        Raises:
            ValueError: It is another pair's.
        """
        if not self.is_noted(tx, subject):
            _check(tx, self.tables, put_setting(tx, SETTING, json.dumps(self.tables).encode()), subject)


def _check(tx: Transaction, tables: ForeignTables, found: bytes | None, subject: str) -> bool:
    if found is None:
        return False
    try:
        theirs = ForeignTables(*json.loads(found))
    except (TypeError, ValueError, RecursionError):
        raise StoreError(
            f"{subject}: this database's setting {SETTING!r}, the names of the OpenAI Agents SDK's tables, cannot be "
            "read. Nothing was changed. Restore the table of settings from a backup."
        ) from None
    if theirs == tables or (_folded(theirs) == _folded(tables) and tx.one(_FOLDS_CASE) == (1,)):
        return True
    raise ValueError(
        f"{subject}: this database is used with {_said(theirs)}, but was now opened with {_said(tables)}. "
        "Nothing was changed. Two pairs of tables are two applications: give the second one its own "
        "tables with another table_prefix (or schema), where it finds the sessions of its pair."
    )


def _folded(tables: ForeignTables) -> list[str]:
    return [name.lower().removeprefix("main.") for name in tables]


def _said(tables: ForeignTables) -> str:
    return f"sessions_table={tables.sessions!r} and messages_table={tables.messages!r}"

"""Memories as a component of a database: the parts that they give to each of their databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.db.component import ASYNCPG, Component, Subjects
from sessions.memory.schema import MEMORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessions.crypto.subject import Subject
    from sessions.db.component import FastPath, OwnersErased, OwnersPart
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check


def _keep_up(tx: Transaction, count: int) -> bool:
    # The first operation should not wait for this import.
    from sessions.memory.purge import purge_some  # noqa: PLC0415

    return purge_some(tx, count)


def _fast_on_asyncpg(database: AsyncpgDatabase) -> Mapping[type, FastPath]:
    # Imported only where it is used: it needs the driver.
    from sessions.memory.fast.postgres import PostgresPaths  # noqa: PLC0415

    return PostgresPaths(database).by_type()


def _erase_owners(tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
    # Few programs erase.
    from sessions.memory.erase import erase_owners  # noqa: PLC0415

    return erase_owners(tx, owners, count)


def _checks(reading: object) -> Sequence[Check]:
    # Few programs verify.
    from sessions.memory.verify import checks_of  # noqa: PLC0415

    return checks_of(reading)


def _purge(tx: Transaction, count: int) -> tuple[int, bool]:
    # Many programs never purge.
    from sessions.memory.purge import purge  # noqa: PLC0415

    return purge(tx, count)


def _counts(tx: Transaction) -> Mapping[str, int]:
    # Few programs count.
    from sessions.memory.stats import count_all  # noqa: PLC0415

    return count_all(tx)


def _subject_of(path: str) -> Subject:
    # Few programs destroy keys.
    from sessions.memory.sealing import subject_of  # noqa: PLC0415

    return subject_of(path)


def _is_there(tx: Transaction, path: str) -> bool:
    # As above.
    from sessions.memory.statements.spaces import IS_SPACE  # noqa: PLC0415

    return tx.one(IS_SPACE, path=path) is not None


MEMORIES: Final = Component(
    MEMORY,
    upkeep=_keep_up,
    fast={ASYNCPG: _fast_on_asyncpg},
    erase_owners=_erase_owners,
    verify=_checks,
    subjects=Subjects("memories", _subject_of, _is_there),
    purge=_purge,
    counts=_counts,
)
"""The component of memories."""

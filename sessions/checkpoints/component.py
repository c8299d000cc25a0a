"""Threads of checkpoints as a component of a database: the parts that they give to each of their databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.checkpoints.schema import CHECKPOINTS
from sessions.db.component import ASYNCPG, Component, Removed, Subjects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessions.crypto.subject import Subject
    from sessions.db.component import FastPath, OwnersErased, OwnersPart
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check


def _keep_up(tx: Transaction, count: int) -> bool:
    # The first operation should not wait for this import.
    from sessions.checkpoints.erase import keep_up  # noqa: PLC0415

    return keep_up(tx, count)


def _erase(tx: Transaction, thread_id: str) -> Removed:
    # Few programs erase.
    from sessions.checkpoints.erase import erase  # noqa: PLC0415

    return Removed(erase(tx, thread_id)._asdict())


def _erase_owners(tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
    # As above.
    from sessions.checkpoints.erase import erase_owners  # noqa: PLC0415

    return erase_owners(tx, owners, count)


def _fast_on_asyncpg(database: AsyncpgDatabase) -> Mapping[type, FastPath]:
    # Imported only where it is used: it needs the driver.
    from sessions.checkpoints.fast.postgres import PostgresPaths  # noqa: PLC0415

    return PostgresPaths(database).by_type()


def _checks(reading: object) -> Sequence[Check]:
    # Few programs verify.
    from sessions.checkpoints.verify import checks_of  # noqa: PLC0415

    return checks_of(reading)


def _purge(tx: Transaction, count: int) -> tuple[int, bool]:
    # Many programs never purge.
    from sessions.checkpoints.erase import purge  # noqa: PLC0415

    return purge(tx, count)


def _counts(tx: Transaction) -> Mapping[str, int]:
    # Few programs count.
    from sessions.checkpoints.statements.listing import COUNTS  # noqa: PLC0415
    from sessions.clock import now  # noqa: PLC0415

    threads, checkpoints = tx.the(COUNTS, now=now())
    return {"threads": int(threads), "checkpoints": int(checkpoints)}


def _subject_of(thread_id: str) -> Subject:
    # Few programs destroy keys.
    from sessions.checkpoints.encryption import subject_of  # noqa: PLC0415

    return subject_of(thread_id)


def _is_there(tx: Transaction, thread_id: str) -> bool:
    # As above.
    from sessions.checkpoints.statements.rotating import WRAPPED_KEYS  # noqa: PLC0415

    return tx.one(WRAPPED_KEYS, thread_id=thread_id) is not None


THREADS: Final = Component(
    CHECKPOINTS,
    upkeep=_keep_up,
    fast={ASYNCPG: _fast_on_asyncpg},
    erase=_erase,
    erase_owners=_erase_owners,
    verify=_checks,
    subjects=Subjects("thread", _subject_of, _is_there),
    purge=_purge,
    counts=_counts,
)

"""Conversations as a component of a database: the parts that they give to each of their databases."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from sessions.db.component import ASYNCPG, Component, Removed, Subjects
from sessions.log.adopt.table_pair import TablePair
from sessions.log.schema import LOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessions.crypto.subject import Subject
    from sessions.db.component import FastPath, OwnersErased, OwnersPart
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check
    from sessions.log.conversation import ForeignTables
    from sessions.log.verify.reading import Reading


@cache
def conversations(foreign: ForeignTables) -> Component:
    """Return the component of conversations.

    Args:
        foreign: The OpenAI Agents SDK's tables that conversations are taken over from; the log belongs to these.
    """
    return Component(
        LOG,
        TablePair(foreign),
        _keep_up,
        {ASYNCPG: _fast_on_asyncpg},
        partial(_erase, foreign),
        partial(_erase_owners, foreign),
        _checks,
        Subjects("session", _subject_of, _is_there),
    )


def _keep_up(tx: Transaction, count: int) -> bool:
    # The first operation should not wait for this import.
    from sessions.log.lifetime.upkeep import keep_up  # noqa: PLC0415

    return keep_up(tx, count)


def _erase(foreign: ForeignTables, tx: Transaction, session_id: str) -> Removed:
    # Few programs erase.
    from sessions.log.adopt.sdk import SDKSessions  # noqa: PLC0415
    from sessions.log.lifetime.erase import erase  # noqa: PLC0415

    elsewhere = SDKSessions(foreign)
    erased = erase(tx, session_id, elsewhere)
    return Removed(erased._asdict(), elsewhere.tables if erased.sdk_rows else ())


def _erase_owners(foreign: ForeignTables, tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
    # As above.
    from sessions.log.adopt.sdk import SDKSessions  # noqa: PLC0415
    from sessions.log.lifetime.erase_owners import erase_owners  # noqa: PLC0415

    return erase_owners(tx, owners, count, SDKSessions(foreign))


def _subject_of(session_id: str) -> Subject:
    # As above.
    from sessions.log.encryption.session_encryption import subject_of  # noqa: PLC0415

    return subject_of(session_id)


def _is_there(tx: Transaction, session_id: str) -> bool:
    # As above.
    from sessions.log.statements.sessions import VERSION  # noqa: PLC0415

    return tx.one(VERSION, session_id=session_id) is not None


def _checks(reading: Reading) -> Sequence[Check]:
    # Few programs verify.
    from sessions.log.verify.checks import checks_of  # noqa: PLC0415

    return checks_of(reading)


def _fast_on_asyncpg(database: AsyncpgDatabase) -> Mapping[type, FastPath]:
    # Imported only where it is used: it needs the driver.
    from sessions.log.fast.postgres import PostgresPaths  # noqa: PLC0415

    return PostgresPaths(database).by_type()

"""Statements about audit rows, and about keys that a provider has yet to destroy."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.transaction import Statement

ADD_AUDIT = Statement(
    "Note what was removed.",
    """
    insert into {audits} (at, what, actor, subject, counts, until)
    values (:at, :what, :actor, :subject, :counts, {clock} + :kept)
    """,
)


class Shape(NamedTuple):
    """Which audit rows are wanted.

    Attributes:
        subject: Only those of one subject.
        what: Only those of one kind of removal.
        since: Only those from a time on.
    """

    subject: bool = False
    what: bool = False
    since: bool = False


@cache
def list_audits(shape: Shape) -> Statement:
    """Return the statement for a page of audit rows, the latest first."""
    conditions = ["id < :before", "until > {clock}"]
    conditions += ["subject = :subject"] * shape.subject + ["what = :what"] * shape.what
    conditions += ["at >= :since"] * shape.since
    return Statement(
        "A page of audit rows, the latest first.",
        f"""
        select id, at, what, actor, subject, counts from {{audits}} where {" and ".join(conditions)}
        order by id desc limit :count
        """,  # noqa: S608 - words of this module.
    )


FORGET_ENDED_AUDITS = Statement(
    "Remove some audit rows that have ended; a row for each.",
    """
    delete from {audits} where id in (select id from {audits} where until <= {clock} order by until limit :count)
    returning id
    """,
    {
        # Those that another process is about to remove are left to it.
        POSTGRES: """
        with ended as materialized (
            select id from {audits} where until <= {clock} order by until limit :count for update skip locked
        )
        delete from {audits} a using ended e where a.id = e.id returning a.id
        """,
        # MariaDB has no limit in a subquery, but one for deleted rows.
        MARIADB: "delete from {audits} where until <= {clock} order by until limit :count returning id",
    },
)

_NOTE_UNDESTROYED = "insert into {undestroyed} (kind, name) values (:kind, :name)"

NOTE_UNDESTROYED = Statement(
    "Note a subject that goes, and whose keys a key provider is to destroy.",
    _NOTE_UNDESTROYED + " on conflict (kind, name) do nothing",
    {MARIADB: _NOTE_UNDESTROYED + " on duplicate key update name = name"},
)

UNDESTROYED = Statement(
    "A page of such subjects of a kind.",
    "select name from {undestroyed} where kind = :kind and name > :after order by name limit :count",
)

DESTROYED = Statement(
    "Its keys are destroyed.",
    "delete from {undestroyed} where kind = :kind and name = :name",
)

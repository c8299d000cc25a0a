"""Statements about single memories: finding them by their keys, writing them, and the rows beside them."""

from __future__ import annotations

from functools import cache
from typing import Final

from sessions.db.dialect import MARIADB
from sessions.db.lists import parameters
from sessions.db.transaction import Statement

AT_ONCE: Final = 32
"""Keys that one statement looks for, at most."""

IDS_AT_ONCE: Final = 64
"""Memories that one statement reads by their ids."""

MANY_IDS: Final = 256
"""The same for a page of results."""

FEW_IDS: Final = 8
"""The same where no more are wanted: SQLite sorts all of a statement's ids."""

LIVE: Final = "(m.expires_at is null or m.expires_at > :now)"
"""Of a memory: it has not expired."""

COLUMNS: Final = "m.id, m.name, m.version, m.created_at, m.updated_at, m.expires_at, m.ttl, m.payload"
"""The columns of a memory that readers need, in the order of `memory/rows.py`."""

_STANDING = "select space, name, id, version, created_at, expires_at from {memories} where"

STANDING = Statement(
    "What a change has to know of a memory of a locked namespace; also of an expired one.",
    f"{_STANDING} space = :space and name = :name",
)

SOME_STANDING = Statement(
    "The same of memories with any of some keys in any of some namespaces.",
    f"{_STANDING} space in ({parameters('s', AT_ONCE)}) and name in ({parameters('n', AT_ONCE)})",
)

ADD_MEMORY = Statement(
    "Add a memory.",
    """
    insert into {memories} (id, space, name, version, created_at, updated_at, expires_at, ttl, payload)
    values (:id, :space, :name, :version, :created_at, :updated_at, :expires_at, :ttl, :payload)
    """,
)

REPLACE_MEMORY = Statement(
    "Put another value in place of a memory's.",
    """
    update {memories} set version = :version, created_at = :created_at, updated_at = :updated_at,
    expires_at = :expires_at, ttl = :ttl, payload = :payload where id = :id
    """,
)

DELETE_MEMORY = Statement("Remove a memory.", "delete from {memories} where id = :id")

_SEARCH_ROW = """
    insert into {search_rows} (memory, model, places, digest, vectors, words, sealed)
    values (:memory, :model, :places, :digest, :vectors, :words, :sealed)
"""
_SEARCHED = ("model", "places", "digest", "vectors", "words", "sealed")

PUT_SEARCH_ROW = Statement(
    "Keep what search knows of a memory, instead of all that it knew.",
    f"{_SEARCH_ROW} on conflict (memory) do update set {', '.join(f'{one} = excluded.{one}' for one in _SEARCHED)}",
    {
        MARIADB: f"{_SEARCH_ROW} on duplicate key update {', '.join(f'{one} = values({one})' for one in _SEARCHED)}",
    },
)

DROP_SEARCH_ROW = Statement("Remove what search knows of a memory.", "delete from {search_rows} where memory = :memory")

ADD_FIELD_VALUE = Statement(
    "Keep the value of a declared field.",
    "insert into {field_values} (space, field, value, memory) values (:space, :field, :value, :memory)",
)

DROP_FIELD_VALUES = Statement(
    "Remove the values of a memory's declared fields.", "delete from {field_values} where memory = :memory"
)

NOTE_REMOVAL = Statement(
    "Note that a memory was removed, for those who watch.",
    """
    insert into {removals} (space, version, memory, name, what, created_at)
    values (:space, :version, :memory, :name, :what, :now)
    """,
)

FORGET_REMOVALS = Statement(
    "Forget the notes of older versions of a namespace.",
    "delete from {removals} where space = :space and version <= :version",
)

REMOVED_IN = Statement(
    "The memories that were removed in some versions of a namespace.",
    "select version, name from {removals} where space = :space and version >= :first and version <= :last",
)

GET_MEMORY = Statement(
    "A memory by its key, with its namespace's owner and keys.",
    f"""
    select s.path, s.owner, s.wrapped_keys, {COLUMNS} from {{spaces}} s
    join {{memories}} m on m.space = s.id and m.name = :name
    where s.path = :path and {LIVE}
    """,  # noqa: S608 - words of this module
)

GET_TO_CHANGE = Statement(
    "The same; and whether search knows it, and where the texts are by which it does, in the clear or encrypted.",
    f"""
    select s.path, s.owner, s.wrapped_keys, {COLUMNS}, r.memory, r.places, r.sealed from {{spaces}} s
    join {{memories}} m on m.space = s.id and m.name = :name
    left join {{search_rows}} r on r.memory = m.id
    where s.path = :path and {LIVE}
    """,  # noqa: S608 - as above
)

GET_SOME = Statement(
    "Some memories of a namespace by their keys.",
    f"""
    select s.path, s.owner, s.wrapped_keys, {COLUMNS} from {{spaces}} s
    join {{memories}} m on m.space = s.id and m.name in ({parameters("n", AT_ONCE)})
    where s.path = :path and {LIVE}
    """,  # noqa: S608 - as above
)


@cache
def by_ids(count: int, *, owned: bool) -> Statement:
    """Return the statement for up to so many memories by their ids, in any order; an owner's or anybody's."""
    owner = "and s.owner = :owner" if owned else ""
    return Statement(
        "Some memories by their ids, without expired ones.",
        f"""
        select s.path, s.owner, s.wrapped_keys, {COLUMNS} from {{memories}} m join {{spaces}} s on s.id = m.space
        where m.id in ({parameters("m", count)}) and {LIVE} {owner}
        """,  # noqa: S608 - as above
    )


REFRESH = Statement(
    "Put off the end of a memory that still has the version that was read, and less time left than its life.",
    "update {memories} set expires_at = :until where id = :id and version = :version and expires_at < :before",
)

ENDS = Statement(
    "When some memories expire, with their versions.",
    f"select id, version, expires_at from {{memories}} where id in ({parameters('m', AT_ONCE)})",  # noqa: S608 - of this module
)

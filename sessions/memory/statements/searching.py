"""Statements of searches: whether the namespaces below a prefix have changed, and the rows that did."""

from __future__ import annotations

from functools import cache
from typing import Final

from sessions.db.dialect import MARIADB
from sessions.db.lists import parameters
from sessions.db.transaction import Statement

AT_ONCE: Final = 64
"""Namespaces that a statement asks for by their ids, or memories by their keys."""

FINGERPRINT = Statement(
    """The number of the settings, and three numbers that are others after any change below a prefix.

    Versions of a namespace only rise, and a namespace that is made has a higher id than all before it. So a change of
    the set of namespaces changes their count or the sum of their ids, and any other change the sum of their versions.
    """,
    """
    select coalesce((select g.number from {memory_settings} g where g.id = 1), 0), count(*),
    coalesce(sum(s.id), 0), coalesce(sum(s.version), 0) from {spaces} s
    where s.path >= :low and s.path < :high and (:any_owner = 1 or s.owner = :owner)
    """,
)

SPACES = Statement(
    "The next namespaces in a range of paths, each with whether it is encrypted.",
    """
    select path, id, version, removed, last, case when wrapped_keys is null then 0 else 1 end from {spaces}
    where path >= :low and path < :high and (:any_owner = 1 or owner = :owner) order by path limit :count
    """,
)

_PLAIN: Final = "m.id, m.version, m.space, case when r.model = :model then r.vectors end, r.words"
_SEALED: Final = f"""
    {_PLAIN}, case when r.model = :model then 1 else 0 end, r.sealed, s.path, s.wrapped_keys, m.name, m.created_at
"""
_WITH_SPACE: Final = "join {spaces} s on s.id = m.space"


@cache
def changed(*, sealed: bool) -> Statement:
    """Return the statement for the memories of a namespace that were put after a version, in the order of versions."""
    return Statement(
        "What search knows of the memories of a namespace that were put after a version, in their order.",
        f"""
        select {_SEALED if sealed else _PLAIN} from {{memories}} m {_WITH_SPACE if sealed else ""}
        left join {{search_rows}} r on r.memory = m.id
        where m.space = :space and m.version > :after order by m.version limit :count
        """,  # noqa: S608 - words of this module
    )


@cache
def of_spaces(*, sealed: bool) -> Statement:
    """Return the statement for all memories of some small namespaces."""
    return Statement(
        "What search knows of all memories of some small namespaces.",
        f"""
        select {_SEALED if sealed else _PLAIN} from {{memories}} m {_WITH_SPACE if sealed else ""}
        left join {{search_rows}} r on r.memory = m.id where m.space in ({parameters("k", AT_ONCE)})
        """,  # noqa: S608 - as above
    )


REMOVED_SINCE = Statement(
    "The memories of a namespace that were removed after a version.",
    "select version, memory from {removals} where space = :space and version > :since",
)

IDS_AFTER = Statement(
    "The ids of a namespace's memories, in their order.",
    "select id from {memories} where id > :after and id <= :last order by id limit :count",
)

EMBEDDED = Statement(
    "The vectors that memories of some namespaces and keys have, with what they were made of.",
    f"""
    select s.path, m.name, r.digest, r.vectors, r.sealed, s.wrapped_keys, m.id, m.version, m.created_at
    from {{spaces}} s join {{memories}} m on m.space = s.id
    join {{search_rows}} r on r.memory = m.id
    where s.path in ({parameters("p", AT_ONCE)}) and m.name in ({parameters("n", AT_ONCE)}) and r.model = :model
    """,  # noqa: S608 - as above.
)

EMBEDDERS = Statement(
    "The embedding models that have made vectors.",
    "select id, name, dims, probe from {embedders} order by id",
)

_ADD_EMBEDDER: Final = "insert into {embedders} (name, dims, probe, made_at) values (:name, :dims, :probe, :now)"

ADD_EMBEDDER = Statement(
    "Note an embedding model, unless another process has just noted one of that name.",
    f"{_ADD_EMBEDDER} on conflict (name) do nothing",
    {MARIADB: f"{_ADD_EMBEDDER} on duplicate key update name = name"},
)

"""Statements about the embeddings of memories: how many there are, and those that are to be made again."""

from __future__ import annotations

from typing import Final

from sessions.db.transaction import Statement
from sessions.memory.statements.memories import COLUMNS, LIVE

_BELOW: Final = "s.path >= :low and s.path < :high and (:any_owner = 1 or s.owner = :owner)"

COUNTS = Statement(
    "How many memories there are below a prefix, and in how many namespaces.",
    f"""
    select count(*), count(distinct m.space) from {{memories}} m join {{spaces}} s on s.id = m.space
    where {_BELOW} and {LIVE}
    """,  # noqa: S608 - words of this module
)

MODELS = Statement(
    "How many memories below a prefix have vectors, by the model.",
    f"""
    select e.id, e.name, count(*) from {{memories}} m join {{spaces}} s on s.id = m.space
    join {{search_rows}} r on r.memory = m.id join {{embedders}} e on e.id = r.model
    where {_BELOW} and {LIVE} group by e.id, e.name order by e.id
    """,  # noqa: S608 - as above
)

SEARCHABLE = Statement(
    "How many memories below a prefix search may find.",
    f"""
    select count(*) from {{memories}} m join {{spaces}} s on s.id = m.space
    join {{search_rows}} r on r.memory = m.id where {_BELOW} and {LIVE}
    """,  # noqa: S608 - as above
)

OTHERWISE_EMBEDDED = Statement(
    "The next memories below a prefix that search may find, and that have no vectors of a model.",
    f"""
    select r.places, r.sealed, s.path, s.owner, s.wrapped_keys, {COLUMNS} from {{memories}} m
    join {{spaces}} s on s.id = m.space join {{search_rows}} r on r.memory = m.id
    where m.id > :after and {_BELOW} and {LIVE} and (r.model is null or r.model <> :model)
    order by m.id limit :count
    """,  # noqa: S608 - as above
)

VERSION_OF = Statement(
    "The version of a memory of a locked namespace.", "select version from {memories} where id = :id"
)

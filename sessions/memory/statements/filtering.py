"""Statements that find memories by values of declared fields."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.lists import parameters
from sessions.db.transaction import Statement
from sessions.memory.statements.memories import LIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

NEXT_SPACES: Final = 512
"""Namespaces that one statement returns."""

SPACES_AT_ONCE: Final = 64
"""Namespaces that one statement looks into where it has a parameter for each."""

MEMORIES_OF_VALUES = Statement(
    "Some memories below a prefix that have a value of a field in a range.",
    """
    select f.memory from {spaces} s join {field_values} f on f.space = s.id
    where s.path >= :low and s.path < :high and f.field = :field and f.value >= :first and f.value <= :last
    limit :count
    """,
)

MEMORIES_OF_VALUES_ANYWHERE = Statement(
    """Some memories that have a value of a field in a range, in any namespace, and whether it is below a prefix.

    It looks at no namespace without one.
    """,
    """
    select f.memory, case when s.path >= :low and s.path < :high then 1 else 0 end from (
        select v.memory, v.space from {field_values} v
        where v.field = :field and v.value >= :first and v.value <= :last limit :count
    ) f join {spaces} s on s.id = f.space
    """,
)

_HAS_FRAGMENT: Final = {
    # Not glob: many builds of SQLite match no bytes with it.
    SQLITE: "(instr(m.payload, :fragment) > 0 or substr(m.payload, 1, 1) <> :brace)",
    POSTGRES: "(position(:fragment in m.payload) > 0 or substring(m.payload from 1 for 1) <> :brace)",
    MARIADB: "(locate(:fragment, m.payload) > 0 or substring(m.payload, 1, 1) <> :brace)",
}
"""Payloads that do not begin as JSON objects do are another codec's: reading them raises the error that tells so."""


def _with_fragment(purpose: str, text: str, variants: Mapping[str, str] | None = None) -> Statement:
    """Return a statement about the memories whose payloads have a fragment."""
    texts = {
        database: (variants or {}).get(database, text).replace("HAS_FRAGMENT", has)
        for database, has in _HAS_FRAGMENT.items()
    }
    return Statement(purpose, texts.pop(SQLITE), texts)


@cache
def spaces_after(*, owned: bool) -> Statement:
    """Return the statement for the next namespaces in a range of paths, with the last number given to a memory."""
    owner = "and s.owner = :owner" if owned else ""
    return Statement(
        "The next namespaces in a range of paths, and how many memories each has at most.",
        f"""
        select s.id, s.path, s.wrapped_keys, s.last from {{spaces}} s
        where s.path > :after and s.path < :high {owner} order by s.path limit :count
        """,  # noqa: S608 - words of this module
    )


END_OF_WINDOW = Statement(
    "The key up to which some of the next memories of a namespace are, expired ones included.",
    "select m.name from {memories} m where m.space = :space and m.name > :after order by m.name limit 1 offset :count",
)

_IN_WINDOW: Final = f"""
    select m.id, m.name, m.payload from {{memories}} m
    where m.space = :space and m.name > :after and m.name <= :last and {LIVE}
"""  # noqa: S608 - as above

ALL_IN_WINDOW = Statement("The memories of a namespace between two keys.", f"{_IN_WINDOW} order by m.name")

_ORDERED: Final = f"{_IN_WINDOW} and HAS_FRAGMENT order by m.name"

IN_WINDOW = _with_fragment(
    """Those of the memories between two keys whose payloads have a fragment, in any order.

    SQLite reads them in the order of their ids, which is that on disk: in half of the time, if it is not that of keys.
    """,
    f"""
    select m.id, m.name, m.payload from {{memories}} m where m.id in (
        select i.id from {{memories}} i where i.space = :space and i.name > :after and i.name <= :last
    ) and {LIVE} and HAS_FRAGMENT
    """,  # noqa: S608 - as above
    {POSTGRES: _ORDERED, MARIADB: _ORDERED},
)

_IN_SPACES: Final = f"""
    select m.space, m.id, m.name, m.payload from {{memories}} m where OF_SPACES and {LIVE} and HAS_FRAGMENT
"""  # noqa: S608 - as above

IN_SPACES = _with_fragment(
    "The memories of some namespaces whose payloads have a fragment, in any order.",
    _IN_SPACES.replace("OF_SPACES", f"m.space in ({parameters('s', SPACES_AT_ONCE)})"),
    {POSTGRES: _IN_SPACES.replace("OF_SPACES", "m.space = any(cast(:spaces as bigint[]))")},
)


@cache
def between_paths(*, owned: bool) -> Statement:
    """Return the statement for the same of the namespaces between two paths, for SQLite: in a fifth of the time."""
    owner = "and s.owner = :owner" if owned else ""
    return _with_fragment(
        "The memories of the namespaces between two paths whose payloads have a fragment, in the order on disk.",
        f"""
        select m.space, m.id, m.name, m.payload from {{spaces}} s
        cross join {{memories}} m on m.id > s.id * {{positions}} and m.id < (s.id + 1) * {{positions}}
        where s.path >= :first and s.path <= :last {owner} and {LIVE} and HAS_FRAGMENT
        """,  # noqa: S608 - as above
    )

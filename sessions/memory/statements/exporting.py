"""Statements that read memories for exports."""

from __future__ import annotations

from typing import Final

from sessions.db.lists import parameters
from sessions.db.transaction import Statement
from sessions.memory.statements.memories import IDS_AT_ONCE

_OF_OWNERS: Final = "(:any_owner = 1 or (s.owner >= :low and s.owner < :high))"

NEXT_SPACES = Statement(
    "The next namespaces of a range of owners, in the order of their paths.",
    f"""
    select s.id, s.path, s.owner, s.wrapped_keys from {{spaces}} s
    where s.path > :after and {_OF_OWNERS} order by s.path limit :count
    """,  # noqa: S608 - words of this module
)

AN_ENCRYPTED_SPACE = Statement(
    "A namespace of a range of owners that is encrypted and has memories.",
    f"""
    select s.path from {{spaces}} s where s.wrapped_keys is not null and {_OF_OWNERS}
    and exists (select 1 from {{memories}} m where m.space = s.id) limit 1
    """,  # noqa: S608 - as above
)

SEARCHED = Statement(
    "Where the texts are by which search finds some memories, in the clear or encrypted.",
    f"select memory, places, sealed from {{search_rows}} where memory in ({parameters('m', IDS_AT_ONCE)})",  # noqa: S608 - as above
)

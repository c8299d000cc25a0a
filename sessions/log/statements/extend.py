"""The statement by which a branch grows where it is."""

from __future__ import annotations

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.transaction import Statement
from sessions.log.statements.fragments import end_lapsed_lease, may_change


def _advance_tip(parameter: str = ":{}") -> str:
    """Return the statement; `parameter` is how those are written that are large numbers, or 0."""
    lease, number = (parameter.format(name) for name in ("lease", "number"))
    return f"""
    update {{branches}} as b set tip = tip + :count, turn = turn + :turns, updated_at = :now, changed_in = :version,
    {end_lapsed_lease(lease, ":now")}
    where session = :session and name = :branch
    and {may_change(lease=lease, now=":now", number=number)}
    """  # noqa: S608 - fragments of this package


ADVANCE_TIP = Statement(
    """Reserve positions at the end of a branch's own segment.

    No row if the branch may not grow there, is leased, or cannot be true.

    Nor if a branch with a certain number is meant, and another one has its name: see `BranchName`.

    Whoever changes a branch without a lease ends one whose time is over.
    """,
    _advance_tip() + " returning segment, tip, turn",
    {
        # Compared with 0 first, they would be taken for integers of 32 bits.
        POSTGRES: _advance_tip("cast(:{} as bigint)") + " returning segment, tip, turn",
        MARIADB: (
            _advance_tip(),
            """
            select segment, tip, turn from {branches}
            where session = :session and name = :branch and may_extend = 1 and changed_in = :version
            """,
        ),
    },
)

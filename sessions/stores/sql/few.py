"""Reads on Postgres that are planned for the few rows they find, and not for the size of the table."""

from __future__ import annotations

from typing import Final

_TIMES: Final = 4

FEW: Final = {
    "few": "select * from (" * _TIMES,
    "of_few": " limit (select wanted from head)) few" * _TIMES,
}
"""Words of a statement: between them stands a query in an order, of at most ``head.wanted`` rows, which keeps both.

What Postgres's planner does not know it guesses: ids between two bounds are 0.5 % of the table, 50,000 rows where there
are ten million entries. It would then compile the query (``jit``) and start parallel workers to read fifty rows: forty
times as slow. It takes a limit that it does not know for a tenth of the rows, so that four of them say a
ten-thousandth. They take nothing away.
"""

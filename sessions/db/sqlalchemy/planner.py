"""Settings of a transaction on Postgres. Its reads are planned for the few rows they find, not for the table's size.

Postgres's planner guesses unknown numbers: ids between two bounds that only the execution knows are 0.5 % of the table,
50,000 rows among ten million entries. It would then compile the statement (``jit``) and start parallel workers to read
fifty rows: 40 to 100 times as slow.
"""

from __future__ import annotations

from typing import Final

from sessions.db.sqlalchemy.brief import WAIT_BRIEFLY

FOR_THIS_TRANSACTION: Final = (
    f"select set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true), {WAIT_BRIEFLY}"
)
"""What is said at the beginning of a transaction, and ends with it; one statement, as psycopg may prepare it."""

_TIMES: Final = 4

FEW: Final = {
    "few": "select * from (" * _TIMES,
    "of_few": " limit (select wanted from head)) few" * _TIMES,
}
"""Words for a statement without a transaction of its own: between them stands a query in an order, of at most
``head.wanted`` rows, which keeps both.

The planner takes a limit that it does not know for a tenth of the rows, so that four of them say a ten-thousandth. They
take nothing away.
"""

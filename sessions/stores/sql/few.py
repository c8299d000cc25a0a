"""Reads on Postgres that are planned for the few rows they find, and not for the size of the table."""

from __future__ import annotations


def for_few(query: str) -> str:
    """Return a query of the same rows, in the same order, planned for few of them; a row ``head.wanted`` is their limit.

    What Postgres's planner does not know it guesses: ids between two bounds are 0.5 % of the table, 50,000 rows where
    there are ten million entries. It would then compile the query (``jit``) and start parallel workers to read fifty
    rows: forty times as slow. It takes a limit that it does not know for a tenth of the rows, so that four of them say
    a ten-thousandth. They take nothing away: no more rows than wanted lie between the bounds.
    """
    for _ in range(4):
        query = f"select * from ({query} limit (select wanted from head)) few"
    return query

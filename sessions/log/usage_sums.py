"""Reading usage: records added up by columns, of a session or of all sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sessions.db.ids import position_of
from sessions.log.core.heads import MAIN, branch_names, entry_at, find_head, lineage
from sessions.log.statements import usage as usage_statements
from sessions.log.usage import Amounts

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch


class Sums(NamedTuple):
    """Records added up.

    Attributes:
        values: Their common values, by column.
        model: Their model.
        amounts: Their usage.
        cost: In billionths; ``None`` if they were recorded without.
        untold: Which details none of them tells.
    """

    values: dict[str, Any]
    model: str | None
    amounts: Amounts
    cost: int | None
    untold: int = 0


def read_session(
    tx: Transaction,
    conversation: Conversation,
    columns: tuple[str, ...],
    branch: str | None = None,
    author: str | None = None,
) -> list[Sums]:
    """Return a session's records, or those that a branch sees, added up by columns.

    Args:
        tx: A transaction.
        conversation: The session.
        columns: Among turn, model, agent, day (since 1970) and branch. By branch, each record counts for every one that
            sees it.
        branch: The branch.
        author: Only the records of this author's objects.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    filters: dict[str, Any] = {} if author is None else {"author": author}
    head = find_head(tx, conversation, MAIN if branch is None else branch)
    if head is None:
        return []
    by_branch = "branch" in columns
    grouped = tuple(column for column in columns if column != "branch")
    if branch is None and not by_branch:
        statement = usage_statements.sums_of_session(grouped, tuple(filters))
        return _sums(tx.all(statement, session=head.session, **filters), grouped)
    placed = ("place", *grouped)
    statement = usage_statements.sums_of_session(placed, tuple(filters))
    rows = _sums(tx.all(statement, session=head.session, **filters), placed)
    names = [branch] if branch is not None else branch_names(tx, head.session)
    found = []
    for name in names:
        seen = cast("Head", find_head(tx, conversation, name))
        stretches = lineage(tx, seen)
        own = [row for row in rows if _sees(stretches, row.values["place"])]
        found += [row._replace(values={**row.values, "branch": name}) for row in own]
        if columns == ("branch",) and not own:
            found.append(Sums({"branch": name}, None, Amounts(), None))
    return found


class Wanted(NamedTuple):
    """Which records of all sessions are wanted.

    Attributes:
        since: Those made from this time on.
        until: Those made before this one.
        filters: Conditions of the statement: their names, each with its parameters.
    """

    since: int
    until: int
    filters: dict[str, dict[str, str]]


def read_all(tx: Transaction, columns: tuple[str, ...], wanted: Wanted) -> list[Sums]:
    """Return records of all sessions, added up by columns."""
    values = {name: value for given in wanted.filters.values() for name, value in given.items()}
    statement = usage_statements.sums_of_all(columns, tuple(wanted.filters))
    return _sums(tx.all(statement, since=wanted.since, until=wanted.until, **values), columns)


def _sees(stretches: list[Stretch], place: int) -> bool:
    """Tell whether an entry is in a lineage; usage recorded before the first entry belongs to all."""
    return entry_at(stretches, position_of(place)) == place


def _sums(rows: list[Any], columns: tuple[str, ...]) -> list[Sums]:
    found = []
    width = len(columns)
    for row in rows:
        model, has_cost, *numbers, cost, of_input, of_output = row[width:]
        amounts = Amounts(*map(int, numbers))
        values = dict(zip(columns, row[:width], strict=True))
        found.append(Sums(values, model, amounts, int(cost) if has_cost else None, int(of_input) + int(of_output)))
    return found

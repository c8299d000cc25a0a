"""The statements about usage. Parameters and words are those of `statements`."""

from __future__ import annotations

from functools import cache

from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement
from sessions.items.kinds import APPROVAL_REQUEST, HOSTED_TOOL_CALL, SEARCH_OUTPUT, TOOL_CALL, TOOL_OUTPUT, in_sql

FIND_USAGE = Statement(
    "A record by its key.",
    """
    select requests, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens
    from {usage} where session = :session and usage_key = :usage_key
    """,
)
USAGE_OF_RUN = Statement(
    "What was recorded of a run as a whole: under its key, and what it grew by since.",
    """
    select usage_key, requests, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens
    from {usage} where session = :session and (usage_key = :usage_key or usage_key > :low and usage_key < :high)
    """,
)
ADD_USAGE = Statement(
    "Record what something cost.",
    """
    insert into {usage} (
        session, usage_key, place, turn, model, agent, requests, input_tokens, cached_tokens, cache_write_tokens,
        output_tokens, reasoning_tokens, cost, untold, created_at,
        author
    ) values (
        :session, :usage_key, :place, :turn, :model, :agent, :requests, :input_tokens, :cached_tokens,
        :cache_write_tokens, :output_tokens, :reasoning_tokens, :cost, :untold, :now, :author
    )
    """,
)
NOTE_COST = Statement(
    "Add the cost to a record that has none.",
    "update {usage} set cost = :cost where session = :session and usage_key = :usage_key and cost is null",
)
TOOLS_FORWARD = Statement(
    "The calls and outputs of tools in one segment, the oldest first.",
    f"""
    select {{entry}} from {{entries}} where id > :low and id <= :high
    and kind in {in_sql({TOOL_CALL, HOSTED_TOOL_CALL, TOOL_OUTPUT})} and {{live}} order by id
    """,  # noqa: S608 - words of this package,
)
SEARCHES_AND_REQUESTS = Statement(
    "What tools were found in one segment, and which approvals were asked for, the oldest first.",
    f"""
    select {{entry}} from {{entries}} where id > :low and id <= :high
    and kind in {in_sql({SEARCH_OUTPUT, APPROVAL_REQUEST})} and {{live}} order by id
    """,  # noqa: S608 - words of this package,
)

_SUMS = """
    select COLUMNS, u.model, case when u.cost is null then 0 else 1 end, sum(u.requests), sum(u.input_tokens),
    sum(u.cached_tokens), sum(u.cache_write_tokens), sum(u.output_tokens), sum(u.reasoning_tokens), sum(u.cost),
    min(case when u.untold in (1, 3) then 1 else 0 end), min(case when u.untold in (2, 3) then 2 else 0 end)
    from {usage} u
"""
_OF_SESSION = "where u.session = :session"
_OF_ALL = """
    join {sessions} s on s.id = u.session where u.created_at >= :since and u.created_at < :until
"""
_FILTERS = {
    "session_id": "s.session_id = :session_id",
    "owner": "s.owner = :owner",
    "below": "s.owner >= :low and s.owner < :high",
    "author": "u.author = :author",
}
_COLUMNS = {
    "place": "u.place",
    "turn": "u.turn",
    "model": "u.model",
    "agent": "u.agent",
    "day": "u.created_at / 86400000000",
    "session": "s.session_id",
    "owner": "s.owner",
    "author": "u.author",
}
_COLUMNS_MARIADB = {
    # There a slash makes decimals, and ids are bytes.
    "day": "u.created_at div 86400000000",
    "session": "convert(s.session_id using utf8mb4)",
    "owner": "convert(s.owner using utf8mb4)",
}


@cache
def sums_of_session(columns: tuple[str, ...], filters: tuple[str, ...] = ()) -> Statement:
    """Return the statement that adds a session's records up by columns, by model, and by whether they have a cost."""
    return _sums(columns, " and ".join((_OF_SESSION, *(_FILTERS[name] for name in filters))))


@cache
def sums_of_all(columns: tuple[str, ...], filters: tuple[str, ...] = ()) -> Statement:
    """Return the same for all sessions and a time; `filters` are names in `_FILTERS`."""
    return _sums(columns, " and ".join((_OF_ALL, *(_FILTERS[name] for name in filters))))


def _sums(columns: tuple[str, ...], where: str) -> Statement:
    # No group without a column: one for nothing would be a row where there is none.
    groups = ", ".join(str(number + 1) for number in range(len(columns) + 2))

    def text(expressions: dict[str, str]) -> str:
        listed = ", ".join(expressions[column] for column in columns)
        selected = _SUMS.replace("COLUMNS, ", f"{listed}, " if columns else "")
        return f"{selected} {where} group by {groups}"

    return Statement("What was spent, added up.", text(_COLUMNS), {MARIADB: text(_COLUMNS | _COLUMNS_MARIADB)})

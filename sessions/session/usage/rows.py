"""Usage in rows: the log's sums with their keys and their cost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sessions.clock import check_moment
from sessions.labels import below_owner, decode_owner, encode_owner
from sessions.log.usage_sums import Wanted, read_all
from sessions.session.usage.prices import Price, check_prices
from sessions.types.usage import Usage, UsageRow
from sessions.validation import MAX_NAME_BYTES, check_session_id, check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessions.db import Backend
    from sessions.labels import Owner
    from sessions.log.usage_sums import Sums

BILLIONTHS: Final = 1_000_000_000
_FIRST_DAY: Final = date(1970, 1, 1)
_DAYS: Final = (date.min - _FIRST_DAY).days, (date.max - _FIRST_DAY).days
"""The first day and the last one that Python knows, counted from that one."""
_EVER: Final = 1 << 62
_STORE_KEYS: Final = ("session", "owner", "turn", "model", "agent", "author", "day")


async def usage_of_store(
    backend: Backend, keys: tuple[str, ...], prices: Mapping[str, Price] | None, wanted: Wanted
) -> list[UsageRow]:
    """Return the usage of sessions; see `Store.usage`."""
    table, columns = check_prices(prices), check_keys(keys, _STORE_KEYS)
    return as_rows(await backend.read(lambda tx: read_all(tx, columns, wanted), "the store"), keys, table)


def check_wanted(
    since: date | None, until: date | None, session: str | None, owners: tuple[Owner | None, Owner | None],
    author: str | None,
) -> Wanted:  # fmt: skip
    """Return which records are wanted; `owners` are one owner, and one whose labels others begin with.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range.
    """
    owner, below = owners
    if owner is not None and below is not None:
        raise ValueError("give owner or below, not both")
    filters: dict[str, dict[str, str]] = {}
    if session is not None:
        filters["session_id"] = {"session_id": check_session_id(session)}
    if owner is not None:
        filters["owner"] = {"owner": encode_owner(owner)}
    if below is not None:
        low, high = below_owner(encode_owner(below, "below"))
        filters["below"] = {"low": low, "high": high}
    if author is not None:
        filters["author"] = {"author": check_text(author, "author", MAX_NAME_BYTES)}
    low_time = 0 if since is None else check_moment(since, "since")
    return Wanted(low_time, _EVER if until is None else check_moment(until, "until"), filters)


def as_rows(sums: Iterable[Sums], keys: tuple[str, ...], prices: Mapping[str, Price]) -> list[UsageRow]:
    """Return sums by keys, in the order of their values; one row for everything without any key."""
    found: dict[tuple[Any, ...], Usage] = {} if keys else {(): Usage()}
    for row in sums:
        values = tuple(row.model if key == "model" else row.values[key] for key in keys)
        found[values] = found.get(values, Usage()) + as_usage(row, prices)
    ordered = sorted(found, key=lambda values: [(value is not None, 0 if value is None else value) for value in values])
    rows = []
    for values in ordered:
        named = dict(zip(keys, values, strict=True))
        if "day" in named:
            named["day"] = _FIRST_DAY + timedelta(days=min(max(named["day"], _DAYS[0]), _DAYS[1]))
        if "owner" in named:
            named["owner"] = decode_owner(named["owner"])
        rows.append(UsageRow(found[values], **named))
    return rows


def as_usage(row: Sums, prices: Mapping[str, Price]) -> Usage:
    """Return sums with their cost: their own, else by their model's price."""
    amounts = row.amounts
    if row.cost is not None:
        return Usage(*amounts, cost=Decimal(row.cost) / BILLIONTHS)
    price = prices.get(row.model) if row.model is not None else None
    if price is None:
        return Usage(*amounts, unpriced_tokens=amounts.input_tokens + amounts.output_tokens)
    cost = price.of(amounts.input_tokens, amounts.cached_tokens, amounts.cache_write_tokens, amounts.output_tokens)
    return Usage(*amounts, cost=cost)


def check_keys(keys: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys by which usage is summed up.

    Raises:
        TypeError: They were given in a list.
        ValueError: A key is unknown, or given twice.
    """
    for key in keys:
        if isinstance(key, (list, tuple, set)):
            raise TypeError(
                "the keys of usage must be passed one by one, not in a list. Nothing was read. Write "
                "usage('model', 'day')."
            )
        if key not in known:
            raise ValueError(f"{key!r} is not a key of usage. Nothing was read. Use {', '.join(known)}.")
    if len(set(keys)) < len(keys):
        raise ValueError("a key of usage is given twice. Nothing was read. Give each key once.")
    return keys

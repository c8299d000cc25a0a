"""``sessions usage URL``: tokens and cost."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.rows import Column, Style, one_page, styles, write_rows
from sessions.cli.common.sessions_by_id import find
from sessions.cli.common.times import When
from sessions.cli.list import BELOW, OWNER

if TYPE_CHECKING:
    from datetime import date

    from sessions.session.usage.prices import Price
    from sessions.store.store import Store
    from sessions.types.usage import UsageRow

_KEYS: Final = ("session", "owner", "turn", "model", "agent", "author", "day")
_COLUMNS: Final = (
    Column("requests", "REQUESTS", right=True, spare=1),
    Column("input_tokens", "INPUT", right=True),
    Column("cached_tokens", "CACHED", right=True, spare=3),
    Column("output_tokens", "OUTPUT", right=True),
    Column("reasoning_tokens", "REASONING", right=True, spare=4),
    Column("cost", "COST", right=True),
    Column("unpriced_tokens", "UNPRICED", right=True, spare=2),
)
_FIELDS: Final = (
    "requests", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "total_tokens", "cost", "unpriced_tokens",
)  # fmt: skip
_PRICES: Final = 'Write {"gpt-5": {"input": 1.25, "output": 10}}: prices of a million tokens.'


@click.command(short_help="Sum up tokens and cost.")
@URL
@click.option("--by", help=f"Rows by any of {', '.join(_KEYS)}, with commas between them.")
@click.option("--prices", type=click.Path(path_type=Path, dir_okay=False), help=f"A JSON file. {_PRICES}")
@click.option("--session", metavar="ID", help="Only this session.")
@OWNER
@BELOW
@click.option("--author", help="Only usage that this author recorded.")
@click.option("--since", type=When(), help="Only records from a day, a time, or as in 7d, on.")
@click.option("--until", type=When(), help="Only records from before that.")
@styles
@on_database(keys=False)
async def usage(
    store: Store,
    *,
    by: str | None,
    prices: Path | None,
    session: str | None,
    owner: tuple[str, ...],
    below: tuple[str, ...],
    author: str | None,
    since: date | None,
    until: date | None,
    style: Style,
) -> None:
    """Sum up the tokens and the cost of model calls, of all sessions that are not deleted. No key is needed."""
    keys = [key.strip() for key in by.split(",")] if by else []
    if wrong := [key for key in keys if key not in _KEYS]:
        raise click.UsageError(f"--by has {wrong[0]!r}, which is none of {', '.join(_KEYS)}.")
    wanted: dict[str, Any] = {"session": session, "author": author, "since": since, "until": until}
    if owner:
        wanted["owner"] = owner
    if below:
        wanted["below"] = below
    if session is not None:
        await find(store, session)
    rows = await store.usage(*keys, prices=_read(prices), **wanted)
    columns = (*(Column(key, key.upper(), whole=key in ("session", "owner")) for key in keys), *_COLUMNS)
    records = one_page(_record(row, keys) for row in rows)
    await write_rows(style, columns, records, fields=(*keys, *_FIELDS), none="No usage was recorded.")


def _record(row: UsageRow, keys: list[str]) -> dict[str, Any]:
    values = vars(row)
    return {key: values[key] for key in keys} | {name: values[name] for name in _FIELDS}


def _read(path: Path | None) -> dict[str, Price] | None:
    if path is None:
        return None
    from sessions.session.usage.prices import Price  # noqa: PLC0415 - `--help` needs none of it

    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return {str(model): Price(**price) for model, price in found.items()}
    except OSError as error:
        raise click.UsageError(f"the prices in {path} cannot be read: {error.strerror}. Check the path.") from None
    except (ValueError, TypeError, AttributeError):
        raise click.UsageError(f"{path} has no prices. {_PRICES}") from None

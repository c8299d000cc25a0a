"""``sessions retain URL``: sessions and turns that a policy lets go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, code_of, counted, write_receipt
from sessions.cli.common.rows import Column, write_rows
from sessions.cli.common.stopping import telling
from sessions.cli.common.times import Duration
from sessions.cli.erase import ACTOR, NO_SCRUB, write_left
from sessions.cli.list import BELOW, OWNER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.store.store import Store
    from sessions.types.retention import RetentionPolicy, RetentionReport

_COLUMNS: Final = (
    Column("session_id", "ID", whole=True),
    Column("owner", "OWNER", spare=1),
    Column("entries", "ITEMS", right=True),
    Column("keep_turns", "KEEPS TURNS", right=True, spare=2),
    Column("spared", "SPARED"),
)
_PAGE: Final = 100


@click.command(short_help="Remove what a retention policy lets go.")
@URL
@click.option("--older-than", type=Duration(), help="Sessions whose first item is older, as in 365d.")
@click.option("--unchanged-for", type=Duration(), help="Sessions that were not changed for so long.")
@click.option("--keep-turns", type=click.IntRange(min=1), help="Keep the sessions, and their last N turns.")
@click.option("--archived/--not-archived", default=None, help="Only archived sessions, or only others.")
@click.option("--empty", is_flag=True, help="Only sessions without an item.")
@click.option("--abandoned-after", type=Duration(), help="Calls that wait for so long do not spare a session.")
@OWNER
@BELOW
@ACTOR
@click.option("--dry-run", is_flag=True, help="Remove nothing; list what would go, and what would be spared.")
@NO_SCRUB
@YES
@JSON
@on_database()
async def retain(
    store: Store,
    *,
    dry_run: bool,
    no_scrub: bool,
    yes: bool,
    as_json: bool,
    actor: str | None,
    owner: tuple[str, ...],
    below: tuple[str, ...],
    **conditions: Any,
) -> int:
    """Remove sessions, or with --keep-turns their older turns. Each condition that is given has to hold.

    Leased sessions, and sessions in which a tool call waits for an approval, are spared. After an interruption, run it
    again. Begin with --dry-run.
    """
    policy = _policy(owner, below, conditions)
    if dry_run:
        if not as_json:
            await write_rows("table", _COLUMNS, _candidates(store, policy), fields=(), none="Nothing would go.")
        report = await store.retain(policy, dry_run=True)
    else:
        confirm("Remove for good what this policy lets go?", yes=yes)
        before: RetentionReport | None = None

        def note(so_far: RetentionReport) -> None:
            nonlocal before
            before = so_far
            far(_counts(so_far))

        with telling(lambda: _before(before)), progress("Removing") as far:
            report = await store.retain(policy, scrub=not no_scrub, actor=actor, progress=note)
    write_receipt(vars(report), [_counts(report)], as_json=as_json)
    if not as_json:
        write_left(report.pending)
    return code_of(report.pending, scrub=not no_scrub)


def _policy(owner: tuple[str, ...], below: tuple[str, ...], conditions: dict[str, Any]) -> RetentionPolicy:
    from sessions.types.retention import RetentionPolicy  # noqa: PLC0415 - `--help` needs none of it

    whose: dict[str, Any] = {"owner": owner} if owner else {}
    if below:
        whose["below"] = below
    try:
        return RetentionPolicy(**whose, **conditions)
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None


async def _candidates(store: Store, policy: RetentionPolicy) -> AsyncIterator[list[dict[str, Any]]]:
    page = []
    async for found in store.preview_retention(policy):
        page.append(vars(found))
        if len(page) == _PAGE:
            yield page
            page = []
    yield page


def _before(report: RetentionReport | None) -> str | None:
    if report is None or not (report.erased or report.trimmed):
        return None
    return f"Before that: {_counts(report)} Run it again for the rest; `sessions vacuum` removes the bytes."


def _counts(report: RetentionReport) -> str:
    went = f"{counted(report.erased, 'session')} erased, {report.trimmed:,} trimmed, {counted(report.entries, 'item')}"
    spared = report.leased + report.pending_calls + report.unreadable + report.changed
    reasons = {"leased": report.leased, "waiting for an approval": report.pending_calls}
    reasons |= {"unreadable": report.unreadable, "changed meanwhile": report.changed}
    why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
    said = f"{'Would go' if report.dry_run else 'Removed'}: {went}."
    return f"{said} Spared: {spared:,} ({why})." if spared else said

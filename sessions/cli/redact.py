"""``sessions redact`` and ``sessions remove``: items that should never have been in a conversation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.failures import FINDINGS
from sessions.cli.common.inert import escaped
from sessions.cli.common.receipts import JSON, code_of, counted, write_line
from sessions.cli.common.rows import write_json
from sessions.cli.common.sessions_by_id import BRANCH, ID, existing
from sessions.cli.erase import ACTOR, NO_SCRUB, write_left

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.store.store import Store
    from sessions.types.receipts import CorrectionReceipt

_SUMMARIES: Final = click.option(
    "--summaries",
    type=click.Choice(["refuse", "drop"]),
    default="refuse",
    show_default=True,
    help="What to do with summaries that may repeat the entry.",
)
_FORCE: Final = click.option("--force", is_flag=True, help="Do it although another caller holds a lease.")


def _entry(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--key", help="The entry: the key that its item was added with."),
        click.option("--id", "id_", metavar="ENTRY", help="The entry: its id, which `sessions show --nl` has."),
        click.option("--position", type=click.IntRange(min=1), help="The entry: its position on the branch."),
    ):
        command = option(command)
    return command


@click.command(short_help="Empty or replace an entry, and all its copies.")
@URL
@ID
@_entry
@click.option(
    "--with",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the new item, in JSON; without it, the entry is emptied.",
)
@BRANCH
@_SUMMARIES
@_FORCE
@ACTOR
@NO_SCRUB
@YES
@JSON
@on_database()
async def redact(
    store: Store,
    *,
    session_id: str,
    branch: str | None,
    file: Path | None,
    position: int | None,
    id_: str | None,
    key: str | None,
    summaries: Any,
    force: bool,
    actor: str | None,
    no_scrub: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Empty or replace the content of an entry and of every copy of it, on all branches, and remove the bytes.

    Position, kind, turn, author, times and ids of calls stay. The entry is named by one of --position, --id and --key.
    """
    _check_one(position, id_, key)
    item = None if file is None else _read(file)
    session = await existing(store, session_id, branch)
    confirm(f"Redact this entry of {escaped(repr(session_id))} for good?", yes=yes)
    how: dict[str, Any] = {"summaries": summaries, "force": force, "actor": actor, "scrub": not no_scrub}
    receipt = await session.redact(position, item, id=id_, key=key, **how)
    return _write("Redacted", receipt, scrub=not no_scrub, as_json=as_json)


@click.command(short_help="Remove an entry, or a way that was left.")
@URL
@ID
@_entry
@click.option("--way", metavar="ENTRY", help="The way that was left or undone, from this entry's id on.")
@BRANCH
@_SUMMARIES
@_FORCE
@ACTOR
@NO_SCRUB
@YES
@JSON
@on_database()
async def remove(
    store: Store,
    *,
    session_id: str,
    branch: str | None,
    position: int | None,
    id_: str | None,
    key: str | None,
    way: str | None,
    summaries: Any,
    force: bool,
    actor: str | None,
    no_scrub: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove an entry with every copy of it, or a way that was left, and remove the bytes.

    An entry is refused if providers would refuse the rest, as a call without its output; --force removes it. It is
    named by one of --position, --id, --key and --way.
    """
    _check_one(position, id_, key, way)
    session = await existing(store, session_id, branch)
    confirm(f"Remove this {'entry' if way is None else 'way'} of {escaped(repr(session_id))} for good?", yes=yes)
    how: dict[str, Any] = {"summaries": summaries, "force": force, "actor": actor, "scrub": not no_scrub}
    receipt = await session.remove(position, id=id_, key=key, way=way, **how)
    return _write("Removed", receipt, scrub=not no_scrub, as_json=as_json)


def _check_one(*given: object) -> None:
    if sum(one is not None for one in given) != 1:
        raise click.UsageError("name the entry by exactly one option. Nothing was changed.")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}. Nothing was changed.") from None
    except ValueError:
        raise click.UsageError(f"{file} has no item in JSON. Nothing was changed.") from None


def _write(done: str, receipt: CorrectionReceipt, *, scrub: bool, as_json: bool) -> int:
    """Write a receipt, and return the exit code."""
    code = FINDINGS if receipt.forks else code_of(receipt.pending, scrub=scrub)
    if as_json:
        write_json(vars(receipt))
        return code
    write_line(f"{done}: {counted(receipt.entries, 'entry', 'entries')}.")
    if receipt.summaries:
        write_line(f"Dropped: {counted(len(receipt.summaries), 'summary', 'summaries')}.")
    if receipt.title:
        write_line("The title was made of it, and was removed.")
    for fork in receipt.forks:
        write_line(f"  left to do: session {escaped(repr(fork))} was made of this one: correct it, too")
    write_left(receipt.pending)
    return code

"""``sessions purge URL``: expired items, memories and threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.stopping import telling
from sessions.cli.common.times import Duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sessions.store.store import Store


_NAMES: Final = {"memory": "memories", "checkpoints": "threads"}
"""What expires of each component beside conversations."""


@click.command(short_help="Delete expired items, memories and threads.")
@URL
@click.option("--older-than", type=Duration(), help="Also items without an expiry that are older, as in 90d.")
@click.option("--empty-sessions", is_flag=True, help="Also delete sessions that are empty then, with their usage.")
@YES
@JSON
@on_database(keys=False)
async def purge(store: Store, *, older_than: timedelta | None, empty_sessions: bool, yes: bool, as_json: bool) -> None:
    """Delete expired items, memories and threads physically, in short transactions. Readers do not see them anyway.

    No key is needed. The bytes stay in free pages of the files until `sessions vacuum`.
    """
    from sessions.store.components import purge_others  # noqa: PLC0415 - `--help` needs none of it

    what = "expired items" if older_than is None else f"all items older than {older_than}, and expired ones,"
    empty = " and empty sessions" * empty_sessions
    confirm(f"Delete {what}{empty}, and expired memories and threads, for good?", yes=yes)
    how: dict[str, Any] = {} if older_than is None else {"older_than": older_than}
    deleted = {"deleted": 0}

    def note(so_far: int) -> None:
        deleted["deleted"] = so_far
        far(_counts(deleted))

    def note_others(so_far: Mapping[str, int]) -> None:
        deleted.update({_NAMES[component]: count for component, count in so_far.items()})
        far(_counts(deleted))

    with telling(lambda: _before(deleted)), progress("Purging") as far:
        deleted["deleted"] = await store.purge_expired(empty_sessions=empty_sessions, progress=note, **how)
        note_others(await purge_others(store._backend, store._sdk.tables, note_others))  # noqa: SLF001 - it is one of ours
    write_receipt(deleted, [f"Deleted {_counts(deleted)}."], as_json=as_json)


def _counts(deleted: Mapping[str, int]) -> str:
    nouns = (("memories", "expired memory", "expired memories"), ("threads", "expired thread", ""))
    others = [counted(deleted[name], one, many) for name, one, many in nouns if deleted.get(name)]
    return ", ".join((counted(deleted["deleted"], "expired item"), *others))


def _before(deleted: Mapping[str, int]) -> str | None:
    return f"Before that: {_counts(deleted)} deleted. Run it again for the rest." if any(deleted.values()) else None

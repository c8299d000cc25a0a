"""The session that a command is about. A typo in an id must not look like an empty conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from sessions.cli.common.inert import escaped

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.types.info import SessionInfo

ID: Final = click.argument("session_id", metavar="ID")
BRANCH: Final = click.option("--branch", help="The branch; the current one by default.")


async def find(store: Store, session_id: str) -> SessionInfo:
    """Return a session's place in lists.

    Raises:
        UsageError: There is no such session.
    """
    found = await store.get(session_id)
    if found is None:
        raise click.UsageError(f"there is no session {escaped(repr(session_id))}. `sessions list` has the ids.")
    return found


async def existing(store: Store, session_id: str, branch: str | None = None) -> LogSession:
    """Return a session that is there, on a branch if one is named.

    Raises:
        UsageError: There is no such session.
    """
    await find(store, session_id)
    session = store.session(session_id)
    return session if branch is None else session.on_branch(branch)


async def readable(store: Store, session_id: str, branch: str | None = None) -> tuple[LogSession, bool]:
    """Return a session to read, and whether its content is hidden: it is encrypted, and no key was given.

    Raises:
        UsageError: There is no such session.
        UnknownBranchError: It has no such branch.
    """
    from sessions.errors import MissingKeyError  # noqa: PLC0415 - `--help` needs none of it
    from sessions.session.without_key import without_key  # noqa: PLC0415 - as above

    session = await existing(store, session_id, branch)
    try:
        await session.entries(1)
    except MissingKeyError:
        session = without_key(session)
        await session.entries(1)
        return session, True
    return session, False

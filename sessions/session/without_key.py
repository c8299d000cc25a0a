"""Reading an encrypted session without its key: positions, turns, kinds, authors and times, and no content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.encryption.without_key import WithoutKey

if TYPE_CHECKING:
    from sessions.session.base import LogSession


def without_key(session: LogSession) -> LogSession:
    """Return an object that reads a session without its key, for `entries`, `tree`, `watch` and lists of branches.

    In an encrypted session, the item of each entry is `HIDDEN` in a message of the entry's kind. Changes that need no
    key would be made: it is for reading.

    Args:
        session: A session that was opened without a key.
    """
    return session._with(session._handle.encrypted(WithoutKey(), None))  # noqa: SLF001 - it is one of ours

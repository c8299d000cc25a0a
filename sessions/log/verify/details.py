"""Checking sessions' info: title, tags and metadata, and the rows by which tags are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.crypto.unlocking import Locked
from sessions.errors import DamagedSessionError, DecryptionError
from sessions.log.core.details import StoredInfo
from sessions.log.verify.reading import name_of_session, text_or_none
from sessions.types.verify import Finding, found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.log.core.details import Details
    from sessions.log.verify.reading import Reading
    from sessions.log.verify.sessions import SessionRow


def check_details(
    reading: Reading, row: SessionRow, info: Sequence[Any] | None, tags: Sequence[Sequence[Any]]
) -> Iterator[Finding]:
    """Check the info of a session and its rows of tags.

    Args:
        reading: The sessions to verify, and their keys.
        row: The session.
        info: Its info's version and payload; ``None`` without info.
        tags: Its rows of tags: tag, activity.

    Raises:
        KeyWanted: The session's keys have to be fetched first.
    """
    about = name_of_session(row.session_id)
    stored = [text_or_none(tag) for tag, _ in tags]
    if bool(tags) != (row.tagged == 1):
        problem = "The session's row does not say rightly whether it has tags."
        yield found("flag-wrong", problem, session_id=about, table="sessions", place="column tagged")
    if any(active_at != row.active_at for _, active_at in tags):
        problem = "A tag's time of activity is not that of the session: lists by tag are in the wrong order."
        yield found("tags-wrong", problem, session_id=about, table="tags", place="column active_at")
    if row.wrapped_keys is not None and tags:
        problem = "The session is encrypted, and has tags in the clear."
        yield found("tags-wrong", problem, session_id=about, table="tags")
    details: Details | Finding | None = _details(reading, row, info)
    if isinstance(details, Finding):
        yield details
    elif details is not None and row.wrapped_keys is None and sorted(details.tags) != sorted(map(str, stored)):
        problem = "The rows of tags are not the tags of the session's info."
        yield found("tags-wrong", problem, session_id=about, table="tags")


def _details(reading: Reading, row: SessionRow, info: Sequence[Any] | None) -> Details | Finding | None:
    """Return the content of a session's info, or its damage; ``None`` if it cannot be opened here."""
    about = name_of_session(row.session_id)
    version, payload = info if info is not None else (None, None)
    opened = reading.open(about or "", row.wrapped_keys)
    if isinstance(opened, Locked):
        return None
    try:
        return StoredInfo(row.owner, row.archived, version, payload).details(opened)
    except DecryptionError:
        problem = "The session's info was altered or moved, or its owner or its archive flag was."
        return found("info-altered", problem, session_id=about, table="infos")
    except (DamagedSessionError, ValueError, TypeError):
        return found("info-undecodable", "The session's info cannot be read.", session_id=about, table="infos")

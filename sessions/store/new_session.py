"""Making a session of another library's items: visible once it has all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.clock import NEVER, now
from sessions.errors import InvalidItemError, sentence
from sessions.items.calls import classify_with_formats
from sessions.items.kinds import USER
from sessions.log.core.details import Details, StoredInfo
from sessions.log.lifetime.unfinished import Row
from sessions.log.moving.target import Begin, Finish, WritePage
from sessions.log.words import EntryRow
from sessions.store.transfer import leave
from sessions.types.receipts import Copied

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.log.moving.target import Target
    from sessions.session.handle import Handle

_PAGE: Final = 512
"""Items written in one transaction. Their version says in which one, as for appends."""


async def make_session(
    handle: Handle, items: list[Any], owner: str | None, progress: Callable[[Copied], object] | None
) -> Copied:
    """Make a session of items.

    Args:
        handle: The session.
        items: The items, oldest first.
        owner: Its owner, as `labels.py` writes it; ``None``: the one that it was opened for.
        progress: Called after each page.

    Raises:
        SessionExistsError: It is there.
        InvalidItemError: An item cannot be stored.
    """
    if not items:
        return Copied()
    try:
        payloads = handle.codec.encode_all(items)
    except InvalidItemError as error:
        raise InvalidItemError(f"{handle.subject}: {sentence(error)} No session was made.") from None
    added_at = now()
    expires_at = None if handle.lifetime is None else min(added_at + handle.lifetime, NEVER)
    turn, entries = 0, []
    known, formats = classify_with_formats(items)
    for position, (payload, (kind, tool_name), format_) in enumerate(zip(payloads, known, formats, strict=True), 1):
        turn += kind == USER
        author = handle.author if kind == USER else handle.agent
        place = position, 1 + (position - 1) // _PAGE, turn
        entries.append(EntryRow(*place, kind, tool_name, author, added_at, expires_at, format_, payload))
    target: Target = await handle.write(Begin(handle.conversation, added_at, owner or handle.conversation.owner))
    try:
        for first in range(0, len(entries), _PAGE):
            await handle.write(WritePage(handle.conversation, target, entries[first : first + _PAGE], {}, after=first))
            if progress is not None:
                progress(Copied(min(first + _PAGE, len(entries))))
        await handle.write(_finish(handle, target, owner, entries[-1]))
    except Exception:
        await leave(handle, target)
        raise
    if handle.titles is not None:
        message = next((item for item, entry in zip(items, entries, strict=True) if entry.kind == USER), None)
        if message is not None:
            await handle.titles.after(handle, message)
    return Copied(len(items))


def _finish(handle: Handle, target: Target, owner: str | None, last: EntryRow) -> Finish:
    """Return the last step, by the session's last entry."""
    owner = owner or handle.conversation.owner
    at = last.created_at
    return Finish(
        handle.conversation,
        target,
        Row(version=last.version, owner=owner, created_at=at, updated_at=at, active_at=at),
        tip=last.position,
        last=last.position,
        turn=last.turn,
        info=StoredInfo(owner, 0),
        details=Details(),
    )

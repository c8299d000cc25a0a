"""Taking over a database of the OpenAI Agents SDK as a whole: `store.adopt()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.clock import now
from sessions.errors import DecryptionError
from sessions.log.adopt.everything import adopt, find_empty, find_sessions
from sessions.types.receipts import Adoption, NotAdopted
from sessions.waits.blocking import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db import Backend
    from sessions.log.conversation import ForeignTables
    from sessions.session.handle import Handle

_AT_ONCE: Final = 4
"""Sessions under way: while one waits for the disk, the next is copied."""

_STORE: Final = "the store"


async def adopt_all(
    backend: Backend,
    tables: ForeignTables,
    handle_of: Callable[[str], Handle],
    progress: Callable[[Adoption], object] | None,
) -> Adoption:
    """Take over all sessions of the SDK's tables that are not here yet, each in a transaction of its own.

    Args:
        backend: The database.
        tables: The SDK's tables.
        handle_of: Returns a hold on the session of an id.
        progress: Called after every few sessions with the result so far.
    """
    done, seen = Adoption(), set[str]()
    refused: dict[str, NotAdopted] = {}
    after: int | None = None
    while True:
        start = after
        found = await backend.read(lambda tx: find_sessions(tx, tables, start), _STORE)  # noqa: B023 - awaited at once
        refused |= {id_: NotAdopted(id_, reason) for id_, reason in found.unusable}
        new = [id_ for id_ in found.ids if id_ not in seen]
        seen.update(new)
        for first in range(0, len(new), _AT_ONCE):
            for one in await _adopt_some([handle_of(id_) for id_ in new[first : first + _AT_ONCE]]):
                done += one
            if progress is not None:
                progress(done)
        if found.after is None:
            break
        after = found.after
    for id_ in await backend.read(lambda tx: find_empty(tx, tables), _STORE):
        refused.setdefault(id_, NotAdopted(id_, "it has no messages"))
    done += Adoption(skipped=tuple(refused.values()))
    if refused and progress is not None:
        progress(done)
    return done


async def _adopt_some(handles: list[Handle]) -> list[Adoption]:
    """Take a few sessions over. All end before an error is raised, so finished sessions stay done."""
    results = await together(map(_adopt_one, handles))
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, Adoption)]


async def _adopt_one(handle: Handle) -> Adoption:
    session_id = handle.conversation.session_id
    try:
        copied = await handle.write(lambda tx: adopt(tx, handle.conversation, now()))
    except DecryptionError as error:
        return Adoption(skipped=(NotAdopted(session_id, str(error)),))
    if copied is None:
        return Adoption(already=1)
    if isinstance(copied, str):
        return Adoption(skipped=(NotAdopted(session_id, copied),))
    return Adoption(1, *copied)

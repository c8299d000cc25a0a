"""The first put of a new thread on Postgres: one statement makes the thread, its line, and the checkpoint.

The line's number is not known before, so the put is planned for a line with the number 0, and the statement adds the
number that it gets. An encrypted content is bound to that number: such a thread is begun by the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.checkpoints.fast.sending import LEFT
from sessions.checkpoints.fast.statements import BEGIN
from sessions.checkpoints.lines import Line
from sessions.checkpoints.plan import NO_PARENT, Ends, plan
from sessions.checkpoints.remembered import State
from sessions.checkpoints.threads import Thread
from sessions.db.component import NOT_DONE
from sessions.db.ids import id_of, position_of
from sessions.db.uncancelled import settle
from sessions.errors import StoreError

if TYPE_CHECKING:
    from sessions.checkpoints.put import Put
    from sessions.db.component import NotDone
    from sessions.db.postgres.database import AsyncpgDatabase

_ENDS: Final = Ends(lambda _: False, None)


async def begin(database: AsyncpgDatabase, put: Put, subject: str) -> State | NotDone:
    """Return the result of a put; `NOT_DONE` if the thread is there, or for any other reason nothing was changed.

    The put must have no parent, and be of a thread in the clear.
    """
    async with database.turns.at(put.locks, subject):
        try:
            return await settle(_begun(database, put))
        except StoreError as error:
            raise error.about(subject) from error.__cause__


async def _begun(database: AsyncpgDatabase, put: Put) -> State | NotDone:
    place, new = put.place, put.new
    thread = Thread(0, place.owner, None, put.ttl)
    line = Line(0, 1, put.now, thread, put.covers.unlock(place.thread_id, None))
    made = plan(new, put.given, line, NO_PARENT, _ENDS, subject=put.subject)
    assert made is not None  # noqa: S101 - nothing is continued
    numbers, payloads = [number for number, _ in made.pieces], [payload for _, payload in made.pieces]
    rows = await database.rows_unless(
        LEFT, BEGIN, place.thread_id, place.owner, put.now, put.ttl, place.ns, made.next_number,
        new.root_id, numbers, payloads, made.id, new.checkpoint_id, new.run_id, made.heads, made.body,
    )  # fmt: skip
    if not rows:
        return NOT_DONE
    thread_number, number, _ = rows[0]
    for known in made.values.values():
        if not isinstance(known, bytes):
            known.ranges = [
                (id_of(number, position_of(low)), id_of(number, position_of(high))) for low, high in known.ranges
            ]
    line = Line(number, made.next_number, put.now, thread._replace(number=thread_number), line.cover)
    return State(line, new.checkpoint_id, id_of(number, made.id), new.versions, made.values)

"""Puts and writes that wait, sent together: those of many lines are one statement, and one sync to the disk.

A refused change is sent by itself, or left to its command, so that each caller finds out about its own. So is one
whose line is locked for long: its command waits by itself, and others do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast

from sessions.db.component import NOT_DONE
from sessions.db.groups import Groups
from sessions.db.sqlalchemy.errors import Trouble
from sessions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.checkpoints.lines import Line
    from sessions.checkpoints.values import Place
    from sessions.db.command import Command
    from sessions.db.component import NotDone
    from sessions.db.jobs import Job
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.transaction import Statement

T = TypeVar("T")
Key = tuple[int | str, ...]

_WORKERS: Final = 2
"""Groups under way at once: while one waits for the disk, the next is sent."""

LEFT: Final = (Trouble.OTHER, Trouble.NO_TABLES, Trouble.BUSY, Trouble.LOCKED)
"""Troubles of a statement that a command explains, or waits out.

If its answer was lost, it is sent again: the next number is another one then, and the command finds the stored rows.
"""


class Guard(NamedTuple):
    """The state of a line and its thread in which a change may be made as it was planned."""

    line: int
    next_number: int
    now: int
    owner: str | None
    wrapped_keys: bytes | None

    @classmethod
    def of(cls, line: Line, place: Place, now: int) -> Guard:
        """Return the guard of a line that this process remembers."""
        return cls(line.number, line.next_number, now, place.owner, line.thread.wrapped_keys)


class Planned(NamedTuple, Generic[T]):
    """A command, as it is to be sent.

    Attributes:
        guard: The state that its line must have.
        key: Tells it from others of a group, which are sent by themselves if theirs is the same.
        values: Its own values.
        done: Its result, if all of its rows were stored.
        rows: How many rows these are.
    """

    guard: Guard
    key: Key
    values: tuple[Any, ...]
    done: T
    rows: int = 1


class Sending(Generic[T]):
    """Sends commands of one kind.

    Args:
        database: The database.
        plan: Returns a command as it is to be sent; ``None`` if it cannot be.
        alone: The statement for one, and its parameters.
        together: The statement for several; the same without those whose line is locked; and their parameters. Their
            rows are a key and how many rows were stored.
    """

    def __init__(
        self,
        database: AsyncpgDatabase,
        plan: Callable[[Any], Planned[T] | None],
        *,
        alone: tuple[Statement, Callable[[Planned[T]], Sequence[Any]]],
        together: tuple[Statement, Statement, Callable[[Sequence[Planned[T]]], Sequence[Any]]],
    ) -> None:
        self._database = database
        self._plan = plan
        self._alone = alone
        self._together = together
        self._groups = Groups(self._send, _WORKERS)

    async def submit(self, command: Command[T], subject: str) -> T | NotDone:
        """Return the result of a command, or `NOT_DONE`, if nothing was changed."""
        return cast("T | NotDone", await self._groups.submit(command, subject))

    async def _send(self, jobs: list[Job[Any]]) -> None:
        planned: list[tuple[Job[Any], Planned[T]]] = []
        for job in jobs:
            job.result = NOT_DONE
            try:
                one = self._plan(job.work)
            except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
                job.error = error
                continue
            if one is not None:
                planned.append((job, one))
        together = _that_differ(planned)
        is_settled = len(together) > 1 and await self._send_together(together)
        settled = {job for job, _ in together} if is_settled else set()
        for job, one in planned:
            if job not in settled:
                await self._send_alone(job, one)

    async def _send_together(self, planned: Sequence[tuple[Job[Any], Planned[T]]]) -> bool:
        """Send several in one statement; tell whether that settles them. If one is refused, nothing is changed."""
        statement, beside, values_of = self._together
        values = values_of([one for _, one in planned])
        try:
            rows = await self._database.rows_unless(LEFT, statement, *values)
            if rows is None:
                rows = await self._database.rows_unless(LEFT, beside, *values)
        except StoreError as error:
            for job, _ in planned:
                job.error = error.about(job.subject)
            return True
        if rows is None:
            return False
        stored = {tuple(key): count for *key, count in rows}
        for job, one in planned:
            if stored.get(one.key) == one.rows:
                job.result = one.done
        return True

    async def _send_alone(self, job: Job[Any], one: Planned[T]) -> None:
        statement, values = self._alone
        try:
            rows = await self._database.rows_unless(LEFT, statement, *values(one))
        except StoreError as error:
            job.error = error.about(job.subject)
        except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
            job.error = error
        else:
            if rows and rows[0][0] == one.rows:
                job.result = one.done


def _that_differ(planned: Sequence[tuple[Job[Any], Planned[T]]]) -> list[tuple[Job[Any], Planned[T]]]:
    """Return those that can be sent together: each of its own key, and of one line with one guard."""
    keys: set[Key] = set()
    guards: dict[int, Guard] = {}
    found = []
    for job, one in planned:
        guard = one.guard._replace(now=0)
        if one.key not in keys and guards.setdefault(guard.line, guard) == guard:
            keys.add(one.key)
            found.append((job, one))
    return found

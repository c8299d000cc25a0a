"""Group commit behind an engine: commands that may share a transaction, and wait at the same moment, are one.

A command that fails does not take its neighbours along, nor does one whose row is locked for long keep them waiting:
the group is rolled back, and each is done by itself, beside the groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sessions.db.command import command_of
from sessions.db.component import NOT_DONE
from sessions.db.groups import Groups
from sessions.db.sqlalchemy.errors import Trouble, trouble_of
from sessions.db.sqlalchemy.retry import FailedError, retry
from sessions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.component import NotDone
    from sessions.db.jobs import Job
    from sessions.db.sqlalchemy.database import Database
    from sessions.db.transaction import Transaction

T = TypeVar("T")

_OF_ALL: Final = (Trouble.LOST, Trouble.ROLLED_BACK, Trouble.BUSY)
"""What happens to a transaction whatever is done in it; all else may be one command's fault, as a locked row."""


class _LeftError(Exception):
    """One of the group failed, or waited for a row for long; nothing was changed."""


class GroupCommit:
    """Does commands of one database in groups.

    One group is under way at a time, so that two of one process never wait for each other's rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._groups = Groups(self._do, workers=1)

    async def submit(self, work: Callable[[Transaction], T], subject: str) -> T | NotDone:
        """Return the result of `work`, or `NOT_DONE` if it is to be done by itself; see `Jobs.submit`."""
        return cast("T | NotDone", await self._groups.submit(work, subject))

    async def _do(self, jobs: list[Job[Any]]) -> None:
        repeatable = all(command_of(job.work).repeatable for job in jobs)
        try:
            await retry(lambda: self._attempt(jobs), self._database.patience, repeatable=repeatable)
        except StoreError as error:
            for job in jobs:
                job.error = error.about(job.subject)
        except _LeftError:
            for job in jobs:
                job.result = NOT_DONE

    async def _attempt(self, jobs: list[Job[Any]]) -> None:
        failed: list[BaseException] = []

        def do_all(tx: Transaction) -> None:
            try:
                for job in jobs:
                    self._database.check(tx, job.work)
                    job.run(tx)
            except BaseException as error:
                failed.append(error)
                raise

        try:
            await self._database.attempt(do_all)
        except FailedError as error:
            if trouble_of(error.error) in _OF_ALL:
                raise
            raise _LeftError from None
        except BaseException as error:
            if any(error is one for one in failed):
                raise _LeftError from None
            raise

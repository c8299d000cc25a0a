"""What a database behind an engine does beside some of its changes, in transactions of their own."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sessions.db.sqlalchemy.retry import FailedError
from sessions.db.upkeep import Upkeep
from sessions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sessions.db.command import Command
    from sessions.db.component import Component
    from sessions.db.transaction import Transaction

WITHIN: Final = 5.0
"""Seconds for each of these transactions."""


class Beside:
    """Does the upkeep of components.

    Args:
        components: The components.
        attempt: Does work as one transaction, once, for which it has `WITHIN`; it may not be cancelled.
        removes_leftovers: Whether the database's statements remove many leftovers at once.
    """

    def __init__(
        self,
        components: Sequence[Component],
        attempt: Callable[[Callable[[Transaction], None]], Awaitable[None]],
        *,
        removes_leftovers: bool,
    ) -> None:
        self._attempt = attempt
        self._removes_leftovers = removes_leftovers
        self._upkeep = Upkeep()
        self._duties = [one.upkeep for one in components if one.upkeep is not None]

    async def changed(self, command: Command[Any]) -> None:
        """Note that a command is done and its answer has come, and do what is due."""
        if self._removes_leftovers and (leftover := command.leftover):
            self._upkeep.settled(*leftover)
        self._upkeep.note(command)
        if self._upkeep.is_due():
            # What is not done now is done another time, and is nothing to the caller.
            with suppress(FailedError, StoreError):
                await self._attempt(partial(self._upkeep.do, duties=self._duties))

    async def tidy(self) -> None:
        """Do what is due before the engine is let go, if something was added here that expires."""
        if self._upkeep.has_expiring:
            # What cannot be done now is done by whoever changes the database next.
            with suppress(Exception):
                await self._attempt(partial(self._upkeep.do_at_the_end, duties=self._duties))

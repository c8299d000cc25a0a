"""The upkeep of a database behind an engine: small transactions beside some of its changes."""

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
        """Note that a command has been answered, and do any upkeep that is due."""
        if self._removes_leftovers and (leftover := command.leftover):
            self._upkeep.settled(*leftover)
        self._upkeep.note(command)
        if self._upkeep.is_due():
            # Upkeep that fails now is done another time, and does not concern the caller.
            with suppress(FailedError, StoreError):
                await self._attempt(partial(self._upkeep.do, duties=self._duties))

    async def tidy(self) -> None:
        """Do any upkeep that is due before the engine is released, if this process added expiring items."""
        if self._upkeep.has_expiring:
            # The next process that changes the database does the rest.
            with suppress(Exception):
                await self._attempt(partial(self._upkeep.do_at_the_end, duties=self._duties))

"""The part of a session's history that a model receives: windows, which every provider accepts, and repair."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.errors import CounterError, SessionBusyError, UnknownFormatError
from sessions.session.part import SessionPart
from sessions.validation import check_flags

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.items.repair import RepairReport
    from sessions.items.window import Window
    from sessions.log.context.read_window import Taken
    from sessions.types import Item

_AT_ONCE = 50


class Windows(SessionPart):
    """Windows and repair."""

    async def window(
        self,
        items: int | None = None,
        *,
        turns: int | None = None,
        tokens: int | None = None,
        counter: Callable[[Item], int] | None = None,
    ) -> list[Item]:
        """Return the latest part of the branch that fits, oldest first, cut where every provider accepts it.

        Example: ``items = await session.window(turns=10)``

        The result is the longest run of whole turns at the end that fits. It begins with a user message, or with system
        or developer messages directly before one. Calls always come with their outputs, outputs with their calls, and
        reasoning with the item it belongs to. Calls still being executed are left out. If not even the last turn fits,
        the result is its user message with as many of its latest calls and answers as fit; if the message alone does
        not fit, the result is empty. It reads little more than it returns.

        Args:
            items: At most this many items. If you give several bounds, all hold; without a bound, the whole branch is
                returned.
            turns: At most this many turns.
            tokens: At most this many tokens, as `counter` counts them.
            counter: Returns the number of tokens of one item, an integer of 0 or more. It is called in the thread that
                reads, and must not use the session.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A bound is below 1, or only one of `tokens` and `counter` is given.
            CounterError: The counter failed, or did not return an integer of 0 or more.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        from sessions.items.window import Window

        return await self._read_window(Window(items, turns, tokens, counter))

    async def _read_window(self, window: Window) -> list[Item]:
        from sessions.items.window_builder import Cut
        from sessions.log.context.read_window import read_window

        handle = self._handle

        def read(tx: Transaction) -> tuple[Cut, Taken]:
            # Made inside the read, because a retried transaction must start with a fresh one.
            cut = Cut(window)
            return cut, read_window(tx, handle.conversation, cut, handle.pinned, _AT_ONCE)

        try:
            cut, taken = await handle.read(read)
            items = cut.items()
        except (CounterError, UnknownFormatError) as error:
            raise error.about(handle.subject) from error.__cause__
        handle.followed = taken.branch
        handle.report(taken.undecodable)
        return items

    async def repair(self, *, apply: bool = False, text: str | None = None) -> RepairReport:
        """Find the items that no provider accepts, and optionally repair them.

        Example: ``report = await session.repair(apply=True)``

        A crash or two simultaneous writers can leave such items.

        A call without an output gets one that says so, in the shape of its kind. An output that does not follow its
        call is moved there. Other damage is removed: outputs without a call, second outputs of a call, reasoning that
        nothing follows, and answers with a call that has no id. If something changes before the branch's end, the end
        is written again, and the previous version stays available as a sibling. The cost is proportional to the
        branch's length.

        Repair cannot tell a crashed run from one still in progress, whose calls have no outputs yet: use it while no
        run is at work. With ``session_settings={"repair": True}``, `get_items` repairs automatically, except while
        another caller holds a lease on the branch.

        Args:
            apply: Whether to repair the branch as well: completely, as one change, or not at all.
            text: The text of an added output.

        Raises:
            TypeError: An argument has the wrong type.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UndecodableItemError: A stored item cannot be read, and the session is strict; nothing was changed.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        check_flags(apply=apply)
        return await self._repair(apply=apply, text=text)

    async def _repair(self, *, apply: bool, text: str | None = None, alone: bool = False) -> RepairReport:
        """Repair as `repair` does; with `alone`, as a reader does.

        A reader repairs only while no other caller holds a lease, exclusive or not, and answers no request for a human
        decision.
        """
        from sessions.items.repair import INTERRUPTED, RepairReport, repair_items
        from sessions.log.context.repair import find_damages, repair_branch

        if text is not None and not isinstance(text, str):
            raise TypeError(
                f"text must be a string, not {type(text).__name__}. Nothing was changed. Pass the text for added "
                "outputs, or leave it out."
            )
        handle = self._handle
        how = partial(repair_items, text=INTERRUPTED if text is None else text, for_humans=not alone)
        damages, undecodable, branch = await handle.read(
            lambda tx: find_damages(tx, handle.conversation, how, handle.target if apply else handle.pinned)
        )
        if apply and damages:
            # Checked again under the lock: another caller may have changed the branch since.
            damages = await handle.change(
                lambda tx: repair_branch(tx, handle.conversation, now(), how, branch=branch, alone=alone)
            )
            return RepairReport(tuple(damages), repaired=bool(damages))
        handle.followed = branch
        handle.report(undecodable)
        return RepairReport(tuple(damages), repaired=False)

    async def _repair_last_turn(self) -> None:
        """Repair the branch if its last turn is damaged and not in progress."""
        from sessions.items.repair import repair_items
        from sessions.items.window_builder import LastTurn
        from sessions.log.context.read_window import read_window

        handle = self._handle

        def read(tx: Transaction) -> tuple[LastTurn, Taken]:
            turn = LastTurn()
            return turn, read_window(tx, handle.conversation, turn, handle.pinned, _AT_ONCE)

        turn, taken = await handle.read(read)
        handle.followed = taken.branch
        _, damages = repair_items(turn.items(), for_humans=False)
        if damages:
            # Another caller holds a lease, so it is still adding the missing outputs.
            with suppress(SessionBusyError):
                await self._repair(apply=True, alone=True)

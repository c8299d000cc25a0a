"""What a session gives a model: a part of its history that every provider accepts."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.errors import CounterError, SessionBusyError, UnknownFormatError
from sessions.session.part import SessionPart

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
        """Return the latest part of the branch that fits, oldest first, so that every model's provider accepts it.

        It is the longest run of whole turns at the end that fits. It begins with a user's message, or with those of the
        system or the developer directly before one. No call is there without its output, no output without its call,
        no reasoning without what it belongs to. Calls that are still being executed are not there yet. If not even the
        last turn fits, its message is given with as many of the latest calls and answers as fit; if the message alone
        does not, nothing. Little more is read than returned.

        Args:
            items: At most so many items; of several bounds, each holds. Without any, the whole branch is given.
            turns: At most so many turns.
            tokens: At most so many tokens, by `counter`.
            counter: Returns the tokens of one item, an integer from 0. It is called from the thread that reads, and
                must not use the session.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A bound is below 1, or only one of `tokens` and `counter` is given.
            CounterError: The counter failed, or returned something else than an integer from 0.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        from sessions.items.window import Window

        return await self._read_window(Window(items, turns, tokens, counter))

    async def _read_window(self, window: Window) -> list[Item]:
        from sessions.items.window_builder import Cut
        from sessions.log.context.read_window import read_window

        handle = self._handle

        def read(tx: Transaction) -> tuple[Cut, Taken]:
            # A transaction may be tried again, and begins anew then.
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
        """Tell what of the branch no provider would accept, as a crash or two writers at once leave it, or repair it.

        A call without an output gets one that says so, in the shape that its kind of output has. An output that does
        not follow its call goes back to it. What nothing can be made of is dropped: outputs of no call, or of one that
        has an output already; reasoning that nothing follows; answers with a call that has no id. If something changes
        before the branch's end, the repaired end is written anew, and what was there stays reachable as one of
        `siblings`. The cost is proportional to the branch's length.

        A run in progress looks like a crash: its calls have no outputs yet. Repair when no run is at work. With
        ``session_settings={"repair": True}``, `get_items` repairs by itself, but not while another caller holds a lease
        on the branch.

        Args:
            apply: Whether to repair the branch, too: wholly, as one change, or not at all.
            text: What an output says that stands for one that was never recorded.

        Raises:
            TypeError: An argument has the wrong type.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UndecodableItemError: A stored item cannot be read and the session is strict; nothing was changed.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        return await self._repair(apply=apply, text=text)

    async def _repair(self, *, apply: bool, text: str | None = None, alone: bool = False) -> RepairReport:
        """Do as `repair`; with `alone`, as a reader does.

        That repairs only while no other caller holds a lease, exclusive or not, and decides for no human.
        """
        from sessions.items.repair import INTERRUPTED, RepairReport, repair_items
        from sessions.log.context.repair import find_damages, repair_branch

        if text is not None and not isinstance(text, str):
            raise TypeError(f"text must be a string, not {type(text).__name__}")
        handle = self._handle
        how = partial(repair_items, text=INTERRUPTED if text is None else text, for_humans=not alone)
        damages, undecodable, branch = await handle.read(
            lambda tx: find_damages(tx, handle.conversation, how, handle.target if apply else handle.pinned)
        )
        if apply and damages:
            # Somebody else may have changed it since; it is looked at again under the lock.
            damages = await handle.change(
                lambda tx: repair_branch(tx, handle.conversation, now(), how, branch=branch, alone=alone)
            )
            return RepairReport(tuple(damages), repaired=bool(damages))
        handle.followed = branch
        handle.report(undecodable)
        return RepairReport(tuple(damages), repaired=False)

    async def _repair_last_turn(self) -> None:
        """Repair the branch if something is wrong with its last turn, which is not in the making."""
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
            # A lease is held: its calls will have outputs.
            with suppress(SessionBusyError):
                await self._repair(apply=True, alone=True)

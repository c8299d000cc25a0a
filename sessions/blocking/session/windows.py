"""The part of a session's history that a model receives: windows, which every provider accepts, and repair.

Made by scripts/build_blocking.py from sessions/session/windows.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.objects import SessionPart

if TYPE_CHECKING:
    from collections.abc import Callable

    import sessions.session.windows
    from sessions.items.repair import RepairReport
    from sessions.types import Item


class Windows(SessionPart):
    """Windows and repair."""

    _async: sessions.session.windows.Windows

    def window(
        self,
        items: int | None = None,
        *,
        turns: int | None = None,
        tokens: int | None = None,
        counter: Callable[[Item], int] | None = None,
    ) -> list[Item]:
        """Return the latest part of the branch that fits, oldest first, cut where every provider accepts it.

        Example: ``items = session.window(turns=10)``

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
        return run(self._async.window(items, turns=turns, tokens=tokens, counter=counter))

    def repair(self, *, apply: bool = False, text: str | None = None) -> RepairReport:
        """Find the items that no provider accepts, and optionally repair them.

        Example: ``report = session.repair(apply=True)``

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
        return run(self._async.repair(apply=apply, text=text))

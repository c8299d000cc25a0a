"""Compaction: models see a summary in place of a long conversation's older part, which is kept.

Made by scripts/build_blocking.py from sessions/session/compaction.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import as_summariser, run
from sessions.blocking.objects import SessionPart

if TYPE_CHECKING:
    import sessions.session.compaction
    from sessions.blocking.driving import Summariser
    from sessions.types import Summary


class Compactions(SessionPart):
    """Summaries in place of older parts."""

    _async: sessions.session.compaction.Compactions

    def compact(self, summarise: Summariser, *, keep_turns: int = 1, keep_items: int | None = None) -> Summary | None:
        """Replace the older part of the branch, as models see it, by a summary: in `get_items` and in windows.

        Example: ``summary = session.compact(summarise, keep_turns=2)``

        Nothing is deleted: `entries` and `turns` still return everything, and `undo_compaction` reverts the summary.
        The summarised part begins with the first item that models see, except for system and developer messages, so it
        includes an earlier summary. It ends where a provider accepts it, never between a call and its output.

        Other callers can use the session while the summary is being made. The summary expires with the first of its
        items, and counts as old as the oldest.

        Args:
            summarise: A function. It gets the older items, oldest first, and returns their replacement: a
                text, which is shown as a user message; an item; or a list of items.
            keep_turns: The number of turns at the end that stay unchanged.
            keep_items: If given, replaces `keep_turns`: this many items at the end stay unchanged, or a few more.

        Returns:
            The summary; ``None`` if the branch has no older part, in which case `summarise` is not called.

        Raises:
            ConflictError: The part changed while it was being summarised, for example because its end was undone.
            SummaryError: `summarise` returned something that no provider accepts.
            TypeError: An argument has the wrong type.
            ValueError: An argument is negative.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.compact(as_summariser(summarise), keep_turns=keep_turns, keep_items=keep_items))

    def undo_compaction(self) -> Summary:
        """Revert the branch's latest summary: models see the original items again.

        Example: ``summary = session.undo_compaction()``

        Returns:
            The reverted summary.

        Raises:
            SummaryError: The branch has no summary.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.undo_compaction())

    def summaries(self) -> list[Summary]:
        """List the branch's active summaries, in the order of the items they replace.

        Example: ``summaries = session.summaries()``

        Raises:
            DecryptionError: The session is encrypted with another key, or a stored entry was altered.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.summaries())

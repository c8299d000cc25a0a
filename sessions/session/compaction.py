"""Compaction: models see a summary in place of a long conversation's older part, which is kept."""

from __future__ import annotations

import inspect
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sessions.clock import as_time, now
from sessions.errors import ConflictError, LeaseLostError, SessionBusyError, SummaryError
from sessions.protocol import coerce_settings
from sessions.session.part import SessionPart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sessions.db.transaction import Transaction
    from sessions.items.window import Window
    from sessions.log.context.annotations import Covering
    from sessions.log.context.walker import Shown
    from sessions.settings import Compaction, Summariser
    from sessions.types import Item, Summary


_log = logging.getLogger("sessions")

_is_summarising: ContextVar[bool] = ContextVar("_is_summarising", default=False)
"""Whether automatic compaction is running: a summariser that reads the session must not start another compaction."""


class Compactions(SessionPart):
    """Summaries in place of older parts."""

    async def compact(
        self, summarise: Summariser, *, keep_turns: int = 1, keep_items: int | None = None
    ) -> Summary | None:
        """Replace the older part of the branch, as models see it, by a summary: in `get_items` and in windows.

        Example: ``summary = await session.compact(summarise, keep_turns=2)``

        Nothing is deleted: `entries` and `turns` still return everything, and `undo_compaction` reverts the summary.
        The summarised part begins with the first item that models see, except for system and developer messages, so it
        includes an earlier summary. It ends where a provider accepts it, never between a call and its output.

        Other callers can use the session while the summary is being made. The summary expires with the first of its
        items, and counts as old as the oldest.

        Args:
            summarise: An asynchronous function. It gets the older items, oldest first, and returns their replacement: a
                text, which is shown as a user message; an item; or a list of items.
            keep_turns: The number of turns at the end that stay unchanged.
            keep_items: If given, replaces `keep_turns`: this many items at the end stay unchanged, or a few more.

        Returns:
            The summary; ``None`` if the branch has no older part, in which case `summarise` is not called.

        Raises:
            ConflictError: The part changed while it was being summarised, for example because its end was undone.
            SummaryError: `summarise` returned something that no provider accepts.
            TypeError: An argument has the wrong type, or `summarise` is not asynchronous.
            ValueError: An argument is negative.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        from sessions.settings import check_kept, check_summariser

        check_summariser(summarise)
        check_kept(keep_turns, keep_items)
        return await self._compact(summarise, keep_turns, keep_items)

    async def _compact(
        self,
        summarise: Summariser,
        keep_turns: int,
        keep_items: int | None,
        above: Window | None = None,
        *,
        alone: bool = False,
    ) -> Summary | None:
        """Compact if models would see more than `above` holds; always without `above`.

        With `alone`, only while no other caller holds a lease, exclusive or not.
        """
        from sessions.items.waiting import find_waiting
        from sessions.log.context.annotations import summary_content
        from sessions.log.context.compact import find_range, put_summary
        from sessions.log.context.older import older_part
        from sessions.types import Summary

        def choose(shown: list[Shown], ended: Callable[[], int]) -> tuple[int, int]:
            if above is not None and _holds(above, shown):
                return 0, 0
            return older_part(shown, keep_turns, keep_items, ended)

        handle = self._handle
        found, undecodable, handle.followed = await handle.read(
            lambda tx: find_range(tx, handle.conversation, handle.pinned, choose, alone=alone)
        )
        handle.report(undecodable)
        if found is None:
            return None
        part = found
        items = await self._summarised(summarise, part.items)
        made_at = now()
        waiting = [*part.waiting, *find_waiting(part.items, part.placeholders)]
        content = summary_content((part.first, part.last, items, made_at, part.lifted, waiting))
        payload = handle.encoded(content, "the summary")
        author = self._handle.agent
        position = await handle.write(
            lambda tx: put_summary(tx, handle.conversation, now(), part, payload, author=author)
        )
        return Summary(position, part.first, part.last, items, as_time(made_at))

    async def _summarised(self, summarise: Summariser, items: list[Item]) -> list[Item]:
        """Return the summariser's result as items, checked to be acceptable to a model."""
        from sessions.items.calls import user_message
        from sessions.items.repair import repair_items
        from sessions.waits.portal import foreign

        awaitable = summarise(items)
        if not inspect.isawaitable(awaitable):
            raise TypeError(
                f"summarise must be an async function, but returned {type(awaitable).__name__} at once. Nothing "
                "was changed. Define it with async def."
            )
        answer = await foreign(lambda: awaitable, self._handle.subject)
        made = [user_message(answer)] if isinstance(answer, str) else answer
        made = [made] if isinstance(made, dict) else made
        subject = f"{self._handle.subject}: the summariser"
        if not isinstance(made, list) or not all(isinstance(item, dict) for item in made):
            raise SummaryError(
                f"{subject} must return a text, an item or a list of items. Nothing was changed. Return for "
                "example a text."
            )
        if not made or answer == "":
            raise SummaryError(
                f"{subject} returned nothing. Nothing was changed. Return a text, an item or a list of items."
            )
        _, damages = repair_items(made)
        if damages:
            kinds = ", ".join(sorted({damage.kind for damage in damages}))
            raise SummaryError(
                f"{subject} returned items that no provider accepts ({kinds}). Nothing was changed. Return a "
                "text, or items with complete calls."
            )
        return made

    async def undo_compaction(self) -> Summary:
        """Revert the branch's latest summary: models see the original items again.

        Example: ``summary = await session.undo_compaction()``

        Returns:
            The reverted summary.

        Raises:
            SummaryError: The branch has no summary.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        from sessions.log.context.compact import take_back

        handle, author = self._handle, self._handle.agent
        return await handle.write(
            lambda tx: _as_summary(take_back(tx, handle.conversation, now(), branch=handle.target, author=author))
        )

    async def summaries(self) -> list[Summary]:
        """List the branch's active summaries, in the order of the items they replace.

        Example: ``summaries = await session.summaries()``

        Raises:
            DecryptionError: The session is encrypted with another key, or a stored entry was altered.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        from sessions.log.context.compact import list_summaries

        handle = self._handle

        def read(tx: Transaction) -> tuple[list[Summary], str]:
            found, branch = list_summaries(tx, handle.conversation, handle.pinned)
            return [_as_summary(summary) for summary in found], branch

        summaries, handle.followed = await handle.read(read)
        return summaries

    @property
    def run_compaction(self) -> Callable[[Mapping[str, Any] | None], Awaitable[None]]:
        """Compact the session after a run, as the OpenAI Agents SDK's runner does.

        Example: ``await session.run_compaction({"force": True})``

        The attribute exists only if the settings have a `Compaction`. It compacts a branch above the setting's bounds;
        with ``{"force": True}`` also one below them. Other arguments, such as the response's id, are for the vendor's
        own compaction and are ignored.
        """
        if coerce_settings(self.session_settings).compaction is None:
            raise AttributeError(
                "run_compaction needs the setting compaction. Nothing was done. Set "
                "session_settings={'compaction': Compaction(…)}."
            )
        return self._run_compaction

    async def _run_compaction(self, args: Mapping[str, Any] | None = None) -> None:
        compaction = coerce_settings(self.session_settings).compaction
        if compaction is not None:
            await self._compact_by(compaction, force=bool((args or {}).get("force")))

    async def _compact_by(self, compaction: Compaction, *, force: bool = False) -> None:
        """Compact as a setting says; with `force`, regardless of its bounds.

        If another caller changes or leases the branch, it is left unchanged until the next time.
        """
        if _is_summarising.get():
            return
        token = _is_summarising.set(True)
        above = None if force else compaction.above
        try:
            await self._compact(compaction.summarise, compaction.keep_turns, compaction.keep_items, above, alone=True)
        except (ConflictError, LeaseLostError, SessionBusyError) as error:
            _log.debug("%s: not compacted: %s", self._handle.subject, type(error).__name__)
        finally:
            _is_summarising.reset(token)


def _holds(window: Window, shown: list[Shown]) -> bool:
    from sessions.items.calls import part_of
    from sessions.items.parts import Part

    items = [one.item for one in shown]
    return window.holds(window.size_of(items, turns=sum(part_of(item) is Part.USER for item in items)))


def _as_summary(found: Covering) -> Summary:
    from sessions.types import Summary

    return Summary(found.position, found.first, found.last, found.items, as_time(found.made_at))

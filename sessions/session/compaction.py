"""What a session offers against its growing too long: a summary is shown in place of an older part, which stays."""

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
"""Whether a setting is at work: a summariser that reads the session would have it call the summariser, and so on."""


class Compactions(SessionPart):
    """Summaries in place of older parts."""

    async def compact(
        self, summarise: Summariser, *, keep_turns: int = 1, keep_items: int | None = None
    ) -> Summary | None:
        """Let a summary stand for the older part of the branch where models are shown it: in `get_items`, in windows.

        Nothing is deleted: `entries` and `turns` return everything, and `undo_compaction` takes the summary back. The
        part begins with the first item that is shown, but for messages of the system or the developer, so it includes
        an earlier summary; and it ends where a provider accepts that: between a call and its output is no end.

        While the summary is being made, others may go on with the session. The summary expires with the first item that
        it stands for, and is as old as the oldest.

        Args:
            summarise: An asynchronous function. It gets the items of the part, oldest first, and returns what to show
                instead: a text, which is shown as a user's message; an item; or a list of items.
            keep_turns: How many turns at the end stay as they are.
            keep_items: If given, so many items at the end stay as they are, or a few more, instead of whole turns.

        Returns:
            The summary; ``None`` if there was nothing to summarise, and `summarise` was not called.

        Raises:
            ConflictError: The part was changed while it was being summarised: its end was undone, for example.
            SummaryError: `summarise` returned what no provider would accept.
            TypeError: An argument has the wrong type, or `summarise` is no asynchronous function.
            ValueError: An argument is negative.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
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
        """Compact if a model is shown more than `above` may hold; in any case without it.

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
        """Return what a summariser makes of items, if a model can be shown that."""
        from sessions.items.calls import user_message
        from sessions.items.repair import repair_items

        awaitable = summarise(items)
        if not inspect.isawaitable(awaitable):
            raise TypeError(f"summarise must be an async function; it returned {type(awaitable).__name__} at once")
        answer = await awaitable
        made = [user_message(answer)] if isinstance(answer, str) else answer
        made = [made] if isinstance(made, dict) else made
        subject = f"{self._handle.subject}: the summariser"
        if not isinstance(made, list) or not all(isinstance(item, dict) for item in made):
            raise SummaryError(f"{subject} must return a text, an item or a list of items; nothing was changed")
        if not made or answer == "":
            raise SummaryError(f"{subject} returned nothing; nothing was changed")
        _, damages = repair_items(made)
        if damages:
            kinds = ", ".join(sorted({damage.kind for damage in damages}))
            raise SummaryError(f"{subject} returned what no provider accepts ({kinds}); nothing was changed")
        return made

    async def undo_compaction(self) -> Summary:
        """Take the branch's latest summary back: what it stands for is shown again.

        Returns:
            The summary.

        Raises:
            SummaryError: There is none.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        from sessions.log.context.compact import take_back

        handle, author = self._handle, self._handle.agent
        return await handle.write(
            lambda tx: _as_summary(take_back(tx, handle.conversation, now(), branch=handle.target, author=author))
        )

    async def summaries(self) -> list[Summary]:
        """Return the summaries that stand for something on the branch, in the order of what they stand for.

        Raises:
            DecryptionError: The session is encrypted with another key, or an entry is not what was stored there.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
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
        """How the OpenAI Agents SDK's runner compacts a session after a run: ``await session.run_compaction(args)``.

        It is only there if the settings have a `Compaction`. What is above its bounds is compacted; with
        ``{"force": True}``, what is below them, too. Other arguments, as the response's id, concern the vendor's own
        compaction, and are ignored.
        """
        if coerce_settings(self.session_settings).compaction is None:
            raise AttributeError("run_compaction: set session_settings={'compaction': Compaction(…)}")
        return self._run_compaction

    async def _run_compaction(self, args: Mapping[str, Any] | None = None) -> None:
        compaction = coerce_settings(self.session_settings).compaction
        if compaction is not None:
            await self._compact_by(compaction, force=bool((args or {}).get("force")))

    async def _compact_by(self, compaction: Compaction, *, force: bool = False) -> None:
        """Compact as a setting says; with `force`, whatever its bounds are.

        If somebody else changes or holds the branch, it is left as it is, for the next time.
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

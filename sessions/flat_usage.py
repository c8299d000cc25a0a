"""What `AdvancedSQLiteSession` tells of usage and of tools, over `session.usage`."""

from __future__ import annotations

from typing import Any, Final

from sessions.flat_words import usage_of
from sessions.log.outline import branch_name
from sessions.model import Usage
from sessions.session import LogSession

_TOTALS: Final = ("requests", "input_tokens", "output_tokens", "total_tokens")


class FlatUsage(LogSession):
    """Part of `FlatMethods`."""

    async def get_tool_usage(self, branch_id: str | None = None) -> list[tuple[str, int, int]]:
        """Return how often tools were called on a branch: ``(tool, calls, turn)``, in the order of turns, then names.

        Raises:
            UnknownBranchError: There is no such branch.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
        """
        return [(use.tool, use.calls, use.turn) for use in await self.usage.tools(branch_id)]

    async def store_run_usage(self, result: Any) -> None:
        """Record what a run took, in the last turn of the branch that this object is on. It adds to what is there.

        The same result counts once, however often it is recorded. This is on disk when it returns.

        Args:
            result: A run's result; one that has no usage leaves no record.

        Raises:
            TypeError: A number in the result is not one.
            ValueError: A number in the result is out of range, or it is no result of a run.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        if not hasattr(result, "context_wrapper"):
            raise ValueError(f"{type(result).__name__} is no result of a run; use usage.record for others")
        usage = result.context_wrapper.usage
        if usage is not None:
            await self.usage.record(result if hasattr(result, "raw_responses") else usage)

    async def get_session_usage(self, branch_id: str | None = None) -> dict[str, int] | None:
        """Return what the session took, whatever became of its branches; or a branch, its inherited turns included.

        Returns:
            ``requests``, ``input_tokens``, ``output_tokens``, ``total_tokens``, and ``total_turns``: on how many turns
            they were spent, those of the same number on several branches counted once. ``None`` if nothing is recorded.

        Raises:
            UnknownBranchError: There is no such branch.
            StoreError: The database refused.
        """
        turns = await self.usage.by("turn", branch=branch_id)
        if not turns:
            return None
        total = usage_of(sum((turn.usage for turn in turns), Usage()))
        return {name: total[name] for name in _TOTALS} | {"total_turns": len(turns)}

    async def get_turn_usage(
        self, user_turn_number: int | None = None, branch_id: str | None = None
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """Return what the turns of a branch took, its inherited turns included.

        Args:
            user_turn_number: One turn, from 1; all that something is recorded of, if not given.
            branch_id: The branch.

        Returns:
            ``requests``, ``input_tokens``, ``output_tokens``, ``total_tokens``, ``input_tokens_details``
            (``cached_tokens``, ``cache_write_tokens``) and ``output_tokens_details`` (``reasoning_tokens``) of the
            turn, an empty dictionary if nothing is recorded of it; or a list of these, each with ``user_turn_number``.

        Raises:
            UnknownBranchError: There is no such branch.
            StoreError: The database refused.
        """
        handle = self._handle
        branch = branch_id or handle.pinned or await handle.read(lambda tx: branch_name(tx, handle.conversation))
        turns = {row.turn: usage_of(row.usage) for row in await self.usage.by("turn", branch=branch)}
        if user_turn_number is not None:
            return turns.get(user_turn_number, {})
        return [{"user_turn_number": turn, **usage} for turn, usage in turns.items()]

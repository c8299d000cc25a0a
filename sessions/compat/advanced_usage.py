"""Usage and tool counts in the form of `AdvancedSQLiteSession`, over `session.usage`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from sessions.compat.advanced_shapes import TOOL_SEARCH, tool_of, usage_of
from sessions.db.ids import owner_of
from sessions.items.dialects.openai_kinds import SEARCH_CALL
from sessions.log.history.outline import branch_name, read_outline
from sessions.log.statements.usage import SEARCHES_AND_REQUESTS
from sessions.log.tool_use import read_tools
from sessions.log.usage_sums import read_session
from sessions.session.base import LogSession
from sessions.validation import check_branch_name

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.core.entries import StoredEntry
    from sessions.log.usage_sums import Sums
    from sessions.types.usage import ToolUse

_TOTALS: Final = ("requests", "input_tokens", "output_tokens", "total_tokens")


class FlatUsage(LogSession):
    """The part of `FlatMethods` for usage and tools."""

    async def get_tool_usage(self, branch_id: str | None = None) -> list[tuple[str, int, int]]:
        """Count the tool calls on a branch: ``(tool, calls, turn)``, in the order of turns, then names.

        Example: ``for tool, calls, turn in await session.get_tool_usage(): print(turn, tool, calls)``

        Requests for approval count too, as ``server.tool``; searches for tools are ``tool_search``.

        Raises:
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        if branch_id is not None:
            check_branch_name(branch_id, "branch_id")
        handle = self._handle
        wanted = branch_id or handle.pinned

        def read(tx: Transaction) -> tuple[list[ToolUse], list[StoredEntry], set[int]]:
            uses, undecodable, _ = read_tools(tx, handle.conversation, wanted)
            entries, more, _ = read_outline(tx, handle.conversation, wanted, SEARCHES_AND_REQUESTS)
            return uses, entries, {*undecodable, *more}

        uses, entries, undecodable = await handle.read(read)
        handle.report(list(undecodable))
        calls: Counter[tuple[int, str]] = Counter()
        for use in uses:
            calls[use.turn, TOOL_SEARCH if use.tool == SEARCH_CALL else use.tool] += use.calls
        searched = {turn for turn, tool in calls if tool == TOOL_SEARCH}
        for entry in entries:
            tool = tool_of(entry)
            if tool is not None and (tool != TOOL_SEARCH or entry.turn not in searched):
                calls[entry.turn, tool] += 1
        return [(tool, count, turn) for (turn, tool), count in sorted(calls.items())]

    async def store_run_usage(self, result: Any) -> None:
        """Record a run's usage in the last turn of this object's branch, in addition to earlier records.

        Example: ``await session.store_run_usage(result)``

        The same result counts once, even if it is recorded again. The record is on disk when this returns.

        Args:
            result: A run's result; a result without usage leaves no record.

        Raises:
            TypeError: A number in the result has the wrong type.
            ValueError: A number in the result is out of range, or the argument is not a run's result.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        if not hasattr(result, "context_wrapper"):
            raise ValueError(
                f"{type(result).__name__} is not the result of a run. Nothing was recorded. Use "
                "session.usage.record(…) for other results."
            )
        usage = result.context_wrapper.usage
        if usage is not None:
            await self.usage.record(result if hasattr(result, "raw_responses") else usage)

    async def get_session_usage(self, branch_id: str | None = None) -> dict[str, int] | None:
        """Sum up the session's usage, with deleted branches; or the usage of one branch, with its inherited turns.

        Example: ``usage = await session.get_session_usage()``

        Returns:
            ``requests``, ``input_tokens``, ``output_tokens``, ``total_tokens`` and ``total_turns``: the number of turns
            with usage, on any branch. ``None`` without any record.

        Raises:
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        rows = await self._spent(branch_id)
        if not rows:
            return None
        total = usage_of(rows)
        turns = {(owner_of(row.values["place"]) if branch_id is None else 0, row.values["turn"]) for row in rows}
        return {name: total[name] for name in _TOTALS} | {"total_turns": len(turns)}

    async def _spent(self, branch: str | None) -> list[Sums]:
        """Return the session's usage by place and turn; or the part that a branch sees."""
        if branch is not None:
            check_branch_name(branch, "branch_id")
        handle = self._handle
        columns = ("place", "turn") if branch is None else ("turn",)
        return await handle.read(lambda tx: read_session(tx, handle.conversation, columns, branch))

    async def get_turn_usage(
        self, user_turn_number: int | None = None, branch_id: str | None = None
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """Sum up the usage of a branch's turns, including inherited ones.

        Example: ``usage = await session.get_turn_usage(1)``

        Args:
            user_turn_number: One turn, from 1; by default all turns with records.
            branch_id: The branch.

        Returns:
            ``requests``, ``input_tokens``, ``output_tokens``, ``total_tokens``, ``input_tokens_details``
            (``cached_tokens``, ``cache_write_tokens``) and ``output_tokens_details`` (``reasoning_tokens``) of the
            turn, or an empty dictionary without any record; or a list of these, each with ``user_turn_number``. Details
            that no result reported are ``None``.

        Raises:
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        handle = self._handle
        branch = branch_id or handle.pinned or await handle.read(lambda tx: branch_name(tx, handle.conversation))
        rows: dict[int, list[Sums]] = {}
        for row in await self._spent(branch):
            rows.setdefault(row.values["turn"], []).append(row)
        turns = {turn: usage_of(of_turn) for turn, of_turn in sorted(rows.items())}
        if user_turn_number is not None:
            return turns.get(user_turn_number, {})
        return [{"user_turn_number": turn, **usage} for turn, usage in turns.items()]

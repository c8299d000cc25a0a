"""Usage and tool counts in the form of `AdvancedSQLiteSession`, over `session.usage`.

Made by scripts/build_blocking.py from sessions/compat/advanced_usage.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.session.base import LogSession

if TYPE_CHECKING:
    from typing import Any

    import sessions.compat.advanced_usage


class FlatUsage(LogSession):
    """The part of `FlatMethods` for usage and tools."""

    _async: sessions.compat.advanced_usage.FlatUsage

    def get_tool_usage(self, branch_id: str | None = None) -> list[tuple[str, int, int]]:
        """Count the tool calls on a branch: ``(tool, calls, turn)``, in the order of turns, then names.

        Example: ``for tool, calls, turn in session.get_tool_usage(): print(turn, tool, calls)``

        Requests for approval count too, as ``server.tool``; searches for tools are ``tool_search``.

        Raises:
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return run(self._async.get_tool_usage(branch_id))

    def store_run_usage(self, result: Any) -> None:
        """Record a run's usage in the last turn of this object's branch, in addition to earlier records.

        Example: ``session.store_run_usage(result)``

        The same result counts once, even if it is recorded again. The record is on disk when this returns.

        Args:
            result: A run's result; a result without usage leaves no record.

        Raises:
            TypeError: A number in the result has the wrong type.
            ValueError: A number in the result is out of range, or the argument is not a run's result.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        run(self._async.store_run_usage(result))

    def get_session_usage(self, branch_id: str | None = None) -> dict[str, int] | None:
        """Sum up the session's usage, with deleted branches; or the usage of one branch, with its inherited turns.

        Example: ``usage = session.get_session_usage()``

        Returns:
            ``requests``, ``input_tokens``, ``output_tokens``, ``total_tokens`` and ``total_turns``: the number of turns
            with usage, on any branch. ``None`` without any record.

        Raises:
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        return run(self._async.get_session_usage(branch_id))

    def get_turn_usage(
        self, user_turn_number: int | None = None, branch_id: str | None = None
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """Sum up the usage of a branch's turns, including inherited ones.

        Example: ``usage = session.get_turn_usage(1)``

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
        return run(self._async.get_turn_usage(user_turn_number, branch_id))

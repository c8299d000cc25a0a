"""The flat methods of the OpenAI Agents SDK's `AdvancedSQLiteSession`, for sessions on any database.

Made by scripts/build_blocking.py from sessions/compat/advanced.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.compat.advanced_usage import FlatUsage
from sessions.blocking.driving import run

if TYPE_CHECKING:
    from typing import Any

    import sessions.compat.advanced
    from sessions.types import Item


class FlatMethods(FlatUsage):
    """A session with the methods of `AdvancedSQLiteSession`, with the same keys and meanings.

    They do the same as `branches`, `turns` and `usage`. Where a branch can be named, ``None`` means the one that this
    object is on. Times are text, ``YYYY-MM-DD HH:MM:SS`` in UTC.
    """

    _async: sessions.compat.advanced.FlatMethods

    def get_items(
        self, limit: int | None = None, branch_id: str | None = None, *, wrapper: object = None
    ) -> list[Item]:
        """Return the latest `limit` items of a branch, oldest first, as of one moment.

        Example: ``items = session.get_items(branch_id="draft")``

        Args:
            limit: As for `LogSession.get_items`.
            branch_id: The branch. Reading a branch by name does not move this object there.
            wrapper: As for `LogSession.get_items`.

        Raises:
            UnknownBranchError: The branch does not exist.
            TypeError: An argument has the wrong type.
            ValueError: `limit` is negative.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        return run(self._async.get_items(limit, branch_id, wrapper=wrapper))

    def create_branch_from_turn(self, turn_number: int, branch_name: str | None = None) -> str:
        """Make a branch that ends before a turn, and make it the current one, in one step.

        Example: ``name = session.create_branch_from_turn(2, "retry")``

        Args:
            turn_number: The turn, from 1 along the branch; its first item is a user message.
            branch_name: The new branch's name; by default one like ``branch_from_turn_2_1764000000``.

        Returns:
            The branch's name.

        Raises:
            TurnNotFoundError: The branch has no such turn; the message names the existing ones.
            BranchExistsError: The name is taken.
            TypeError: An argument has the wrong type.
            ValueError: The name is not allowed, or `turn_number` is below 1.
            StoreError: The database refused the operation.
        """
        return run(self._async.create_branch_from_turn(turn_number, branch_name))

    def create_branch_from_content(self, search_term: str, branch_name: str | None = None) -> str:
        """Make a branch that ends before the first user message containing a text, and make it the current one.

        Example: ``name = session.create_branch_from_content("Question 2", "retry")``

        Args:
            search_term: The text; case is ignored.
            branch_name: The new branch's name; by default one like ``branch_from_turn_2_1764000000``.

        Returns:
            The branch's name.

        Raises:
            TurnNotFoundError: No user message contains the text.
            BranchExistsError: The name is taken.
            TypeError: An argument has the wrong type.
            ValueError: The name is not allowed.
            StoreError: The database refused the operation.
        """
        return run(self._async.create_branch_from_content(search_term, branch_name))

    def switch_to_branch(self, branch_id: str) -> None:
        """Make a branch the current one, for every process.

        Example: ``session.switch_to_branch("main")``

        Raises:
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        run(self._async.switch_to_branch(branch_id))

    def delete_branch(self, branch_id: str, force: bool = False) -> None:
        """Delete a branch and, physically, the items that only it could see. Its usage records are kept.

        Example: ``session.delete_branch("draft")``

        Args:
            branch_id: The branch.
            force: Delete it even if it is the current one; ``main`` becomes the current one.

        Raises:
            BranchInUseError: The branch is ``main``, or it is the current one and `force` is false.
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        run(self._async.delete_branch(branch_id, force))

    def list_branches(self) -> list[dict[str, Any]]:
        """List the branches in the order in which they were made, ``main`` first. A missing session has none.

        Example: ``names = [branch["branch_id"] for branch in session.list_branches()]``

        Returns:
            For each: ``branch_id``, ``message_count`` (items), ``user_turns``, ``is_current`` and ``created_at``.

        Raises:
            StoreError: The database refused the operation.
        """
        return run(self._async.list_branches())

    def get_conversation_turns(self, branch_id: str | None = None) -> list[dict[str, Any]]:
        """List the user messages on a branch, oldest first.

        Example: ``turns = session.get_conversation_turns()``

        Returns:
            For each: ``turn`` (from 1), ``content`` (text; above 100 characters it is cut and ends with "..."),
            ``full_content`` (as stored), ``timestamp`` and ``can_branch`` (always true).

        Raises:
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return run(self._async.get_conversation_turns(branch_id))

    def find_turns_by_content(self, search_term: str, branch_id: str | None = None) -> list[dict[str, Any]]:
        """List the user messages on a branch that contain a text. Case is ignored.

        Example: ``turns = session.find_turns_by_content("refund")``

        Returns:
            As for `get_conversation_turns`, but with ``content`` in full.

        Raises:
            TypeError: `search_term` is not a string.
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return run(self._async.find_turns_by_content(search_term, branch_id))

    def get_conversation_by_turns(self, branch_id: str | None = None) -> dict[int, list[dict[str, str | None]]]:
        """List the kinds of items in each turn of a branch, in order. Turn 0 is before the first user message.

        Example: ``kinds = session.get_conversation_by_turns()[1]``

        Returns:
            By the turn's number, a list of ``{"type": …, "tool_name": …}``: ``user``, ``assistant``, else the item's
            own type, or ``other``; and the name of the called tool, or ``None``.

        Raises:
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return run(self._async.get_conversation_by_turns(branch_id))

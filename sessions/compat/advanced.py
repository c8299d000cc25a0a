"""The flat methods of the OpenAI Agents SDK's `AdvancedSQLiteSession`, for sessions on any database."""

from __future__ import annotations

import logging
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from sessions.compat.advanced_shapes import as_text, tool_of, turn_of, type_of
from sessions.compat.advanced_usage import FlatUsage
from sessions.errors import BranchExistsError
from sessions.items.text import says
from sessions.log.history.outline import read_outline
from sessions.log.statements.entries import ENTRIES_FORWARD, USERS_FORWARD
from sessions.validation import check_branch_name, check_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Statement
    from sessions.log.core.entries import StoredEntry
    from sessions.types import Item


class FlatMethods(FlatUsage):
    """A session with the methods of `AdvancedSQLiteSession`, with the same keys and meanings.

    They do the same as `branches`, `turns` and `usage`. Where a branch can be named, ``None`` means the one that this
    object is on. Times are text, ``YYYY-MM-DD HH:MM:SS`` in UTC.
    """

    _logger: logging.Logger = logging.getLogger("sessions")

    async def get_items(
        self, limit: int | None = None, branch_id: str | None = None, *, wrapper: object = None
    ) -> list[Item]:
        """Return the latest `limit` items of a branch, oldest first, as of one moment.

        Example: ``items = await session.get_items(branch_id="draft")``

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
        if branch_id is None:
            return await super().get_items(limit, wrapper=wrapper)
        check_branch_name(branch_id, "branch_id")
        return await super(FlatMethods, self._with(self._handle.pinned_to(branch_id))).get_items(limit, wrapper=wrapper)

    async def create_branch_from_turn(self, turn_number: int, branch_name: str | None = None) -> str:
        """Make a branch that ends before a turn, and make it the current one, in one step.

        Example: ``name = await session.create_branch_from_turn(2, "retry")``

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
        check_count(turn_number, "turn_number", least=1)
        return await self._branch_off(_checked_name(branch_name), turn_number, turn=turn_number)

    async def create_branch_from_content(self, search_term: str, branch_name: str | None = None) -> str:
        """Make a branch that ends before the first user message containing a text, and make it the current one.

        Example: ``name = await session.create_branch_from_content("Question 2", "retry")``

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
        _check_search_term(search_term)
        _checked_name(branch_name)
        turn = None
        if branch_name is None:  # A generated name contains the turn's number; the fork itself searches again.
            turn = next((found["turn"] for found in await self.find_turns_by_content(search_term)), None)
        return await self._branch_off(branch_name, turn, matching=search_term)

    async def _branch_off(self, name: str | None, turn_number: int | None, **place: Any) -> str:
        """Make a branch and switch to it, under the given name or else the first generated one that is free."""
        for wanted in _made_up_names(turn_number) if name is None else (name,):
            try:
                await self.branches.create(wanted, **place, switch=True)
            except BranchExistsError:
                if name is not None:
                    raise
            else:
                self._logger.debug("session %r: made branch %r and switched to it", self.session_id, wanted)
                return wanted
        raise AssertionError("made-up names do not end")

    async def switch_to_branch(self, branch_id: str) -> None:
        """Make a branch the current one, for every process.

        Example: ``await session.switch_to_branch("main")``

        Raises:
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        check_branch_name(branch_id, "branch_id")
        await self.branches.switch(branch_id)
        self._logger.debug("session %r: switched to branch %r", self.session_id, branch_id)

    async def delete_branch(self, branch_id: str, force: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is known.
        """Delete a branch and, physically, the items that only it could see. Its usage records are kept.

        Example: ``await session.delete_branch("draft")``

        Args:
            branch_id: The branch.
            force: Delete it even if it is the current one; ``main`` becomes the current one.

        Raises:
            BranchInUseError: The branch is ``main``, or it is the current one and `force` is false.
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        if isinstance(branch_id, str) and not branch_id.strip():
            raise ValueError(
                f"Branch ID cannot be empty, got {branch_id!r} as branch_id. Nothing was deleted. Pass a branch's name."
            )
        check_branch_name(branch_id, "branch_id")
        await self.branches.delete(branch_id, force=force)
        self._logger.debug("session %r: deleted branch %r", self.session_id, branch_id)

    async def list_branches(self) -> list[dict[str, Any]]:
        """List the branches in the order in which they were made, ``main`` first. A missing session has none.

        Example: ``names = [branch["branch_id"] for branch in await session.list_branches()]``

        Returns:
            For each: ``branch_id``, ``message_count`` (items), ``user_turns``, ``is_current`` and ``created_at``.

        Raises:
            StoreError: The database refused the operation.
        """
        return [
            {
                "branch_id": branch.name,
                "message_count": branch.items,
                "user_turns": branch.turns,
                "is_current": branch.current,
                "created_at": as_text(branch.created_at),
            }
            for branch in await self.branches.list()
        ]

    async def get_conversation_turns(self, branch_id: str | None = None) -> list[dict[str, Any]]:
        """List the user messages on a branch, oldest first.

        Example: ``turns = await session.get_conversation_turns()``

        Returns:
            For each: ``turn`` (from 1), ``content`` (text; above 100 characters it is cut and ends with "..."),
            ``full_content`` (as stored), ``timestamp`` and ``can_branch`` (always true).

        Raises:
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return [turn_of(entry, shortened=True) for entry in await self._outline(branch_id, USERS_FORWARD)]

    async def find_turns_by_content(self, search_term: str, branch_id: str | None = None) -> list[dict[str, Any]]:
        """List the user messages on a branch that contain a text. Case is ignored.

        Example: ``turns = await session.find_turns_by_content("refund")``

        Returns:
            As for `get_conversation_turns`, but with ``content`` in full.

        Raises:
            TypeError: `search_term` is not a string.
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        matches = says(_check_search_term(search_term))
        entries = await self._outline(branch_id, USERS_FORWARD)
        return [turn_of(entry, shortened=False) for entry in entries if matches(entry.item)]

    async def get_conversation_by_turns(self, branch_id: str | None = None) -> dict[int, list[dict[str, str | None]]]:
        """List the kinds of items in each turn of a branch, in order. Turn 0 is before the first user message.

        Example: ``kinds = (await session.get_conversation_by_turns())[1]``

        Returns:
            By the turn's number, a list of ``{"type": …, "tool_name": …}``: ``user``, ``assistant``, else the item's
            own type, or ``other``; and the name of the called tool, or ``None``.

        Raises:
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        turns: dict[int, list[dict[str, str | None]]] = {}
        for entry in await self._outline(branch_id, ENTRIES_FORWARD):
            turns.setdefault(entry.turn, []).append({"type": type_of(entry.item), "tool_name": tool_of(entry)})
        return turns

    async def _outline(self, branch: str | None, statement: Statement) -> list[StoredEntry]:
        """Return a branch's entries. As with any read, later changes go to the branch that was read, unless named."""
        if branch is not None:
            check_branch_name(branch, "branch_id")
        handle = self._handle
        entries, undecodable, name = await handle.read(
            lambda tx: read_outline(tx, handle.conversation, branch or handle.pinned, statement)
        )
        if branch is None:
            handle.followed = name
        handle.report(undecodable)
        return entries


def _made_up_names(turn_number: int | None) -> Iterator[str]:
    """Yield names for a branch from a turn: the SDK's first, then the same with a number."""
    name = f"branch_from_turn_{turn_number}_{int(time.time())}"
    yield name
    for number in count(2):
        yield f"{name}_{number}"


def _checked_name(branch_name: str | None) -> str | None:
    """Return the name for a new branch, if there is one and it can be one."""
    if isinstance(branch_name, str) and not branch_name.strip():
        raise ValueError(
            f"Branch name cannot be empty, got {branch_name!r} as branch_name. No branch was made. Pass a "
            "name, or leave branch_name out."
        )
    return None if branch_name is None else check_branch_name(branch_name, "branch_name")


def _check_search_term(search_term: object) -> str:
    if not isinstance(search_term, str):
        raise TypeError(
            f"search_term must be a string, not {type(search_term).__name__}. Nothing was done. Pass the text "
            "to look for."
        )
    return search_term

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
    """A session that also has the methods that users of `AdvancedSQLiteSession` know, with its keys and their meaning.

    What they do is what `branches`, `turns` and `usage` do. Where a branch may be named, ``None`` means the one that
    this object is on. Times are text, ``YYYY-MM-DD HH:MM:SS`` in UTC.
    """

    _logger: logging.Logger = logging.getLogger("sessions")

    async def get_items(
        self, limit: int | None = None, branch_id: str | None = None, *, wrapper: object = None
    ) -> list[Item]:
        """Return the latest `limit` items of a branch, oldest first, as of one moment.

        Args:
            limit: As for `LogSession.get_items`.
            branch_id: The branch. Reading one by its name does not move this object there.
            wrapper: As for `LogSession.get_items`.

        Raises:
            UnknownBranchError: There is no such branch.
            TypeError: An argument has the wrong type.
            ValueError: `limit` is negative.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
            SessionClosedError: The session has been closed.
        """
        if branch_id is None:
            return await super().get_items(limit, wrapper=wrapper)
        check_branch_name(branch_id, "branch_id")
        return await super(FlatMethods, self.on_branch(branch_id)).get_items(limit, wrapper=wrapper)

    async def create_branch_from_turn(self, turn_number: int, branch_name: str | None = None) -> str:
        """Make a branch that ends before a turn, and make it the current one, at once.

        Args:
            turn_number: The turn, from 1 along the branch; its first item is the message of a user.
            branch_name: The new branch's name; without it, one like ``branch_from_turn_2_1764000000``.

        Returns:
            The branch's name.

        Raises:
            TurnNotFoundError: There is no such turn; the message says which there are.
            BranchExistsError: The name is taken.
            TypeError: An argument has the wrong type.
            ValueError: The name is not allowed, or `turn_number` is below 1.
            StoreError: The database refused.
        """
        check_count(turn_number, "turn_number", least=1)
        return await self._branch_off(_checked_name(branch_name), turn_number, turn=turn_number)

    async def create_branch_from_content(self, search_term: str, branch_name: str | None = None) -> str:
        """Make a branch that ends before the first message of a user with a text in it, and make it the current one.

        Args:
            search_term: The text; the case of letters does not matter.
            branch_name: The new branch's name; without it, one like ``branch_from_turn_2_1764000000``.

        Returns:
            The branch's name.

        Raises:
            TurnNotFoundError: There is no such message.
            BranchExistsError: The name is taken.
            TypeError: An argument has the wrong type.
            ValueError: The name is not allowed.
            StoreError: The database refused.
        """
        _check_search_term(search_term)
        _checked_name(branch_name)
        turn = None
        if branch_name is None:  # A name that is made up tells of the turn; where to branch is found with the branch.
            turn = next((found["turn"] for found in await self.find_turns_by_content(search_term)), None)
        return await self._branch_off(branch_name, turn, matching=search_term)

    async def _branch_off(self, name: str | None, turn_number: int | None, **place: Any) -> str:
        """Make a branch and switch to it: by the name that is given, else by the first made-up one that is free."""
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

        Raises:
            UnknownBranchError: There is no such branch.
            StoreError: The database refused.
        """
        check_branch_name(branch_id, "branch_id")
        await self.branches.switch(branch_id)
        self._logger.debug("session %r: switched to branch %r", self.session_id, branch_id)

    async def delete_branch(self, branch_id: str, force: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is known.
        """Remove a branch, and physically the items that only it could see. What it cost stays on record.

        Args:
            branch_id: The branch.
            force: Remove it also if it is the current one; then ``main`` becomes the current one.

        Raises:
            BranchInUseError: It is ``main``, or the current one and not `force`.
            UnknownBranchError: There is no such branch.
            StoreError: The database refused.
        """
        if isinstance(branch_id, str) and not branch_id.strip():
            raise ValueError(f"Branch ID cannot be empty, got {branch_id!r} as branch_id")
        check_branch_name(branch_id, "branch_id")
        await self.branches.delete(branch_id, force=force)
        self._logger.debug("session %r: deleted branch %r", self.session_id, branch_id)

    async def list_branches(self) -> list[dict[str, Any]]:
        """Return the branches in the order in which they were made, ``main`` first; none without such a session.

        Returns:
            Of each, ``branch_id``, ``message_count`` (items), ``user_turns``, ``is_current`` and ``created_at``.

        Raises:
            StoreError: The database refused.
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
        """Return the messages of users on a branch, oldest first.

        Returns:
            Of each, ``turn`` (from 1), ``content`` (text, cut behind 100 characters and then ending with "..."),
            ``full_content`` (as it is stored), ``timestamp`` and ``can_branch`` (always true).

        Raises:
            UnknownBranchError: There is no such branch.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
        """
        return [turn_of(entry, shortened=True) for entry in await self._outline(branch_id, USERS_FORWARD)]

    async def find_turns_by_content(self, search_term: str, branch_id: str | None = None) -> list[dict[str, Any]]:
        """Return the messages of users on a branch that have a text in them; the case of letters does not matter.

        Returns:
            The same as `get_conversation_turns`, but with ``content`` in full.

        Raises:
            TypeError: `search_term` is not text.
            UnknownBranchError: There is no such branch.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
        """
        matches = says(_check_search_term(search_term))
        entries = await self._outline(branch_id, USERS_FORWARD)
        return [turn_of(entry, shortened=False) for entry in entries if matches(entry.item)]

    async def get_conversation_by_turns(self, branch_id: str | None = None) -> dict[int, list[dict[str, str | None]]]:
        """Return what kinds of items each turn of a branch has, in their order; turn 0 is before the first user's.

        Returns:
            By the turn's number, a list of ``{"type": …, "tool_name": …}``: ``user``, ``assistant``, else the item's
            own type, or ``other``; and the tool that is called, if one is.

        Raises:
            UnknownBranchError: There is no such branch.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
        """
        turns: dict[int, list[dict[str, str | None]]] = {}
        for entry in await self._outline(branch_id, ENTRIES_FORWARD):
            turns.setdefault(entry.turn, []).append({"type": type_of(entry.item), "tool_name": tool_of(entry)})
        return turns

    async def _outline(self, branch: str | None, statement: Statement) -> list[StoredEntry]:
        """Return a branch's entries. Like any read, one of the branch that this object is on makes changes go there."""
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
        raise ValueError(f"Branch name cannot be empty, got {branch_name!r} as branch_name")
    return None if branch_name is None else check_branch_name(branch_name, "branch_name")


def _check_search_term(search_term: object) -> str:
    if not isinstance(search_term, str):
        raise TypeError(f"search_term must be a string, not {type(search_term).__name__}")
    return search_term

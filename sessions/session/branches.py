"""The branches of a session: `session.branches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.items.text import says
from sessions.log.core.heads import BranchName, number_of
from sessions.log.history import branches as log
from sessions.log.history.branch_list import list_branches
from sessions.validation import check_branch_name, check_count, check_flags

if TYPE_CHECKING:
    import builtins

    from sessions.session.handle import Handle
    from sessions.types import Branch, Comparison


class Branches:
    """A session's branches: named alternatives of one conversation. The first is ``main``, which always exists.

    Example: ``await session.branches.create("draft", turn=2, switch=True)``

    A fork copies nothing, so its cost does not depend on the conversation's length. Each method is atomic. Get this
    object from `session.branches`.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def create(
        self,
        name: str,
        *,
        turn: int | None = None,
        position: int | None = None,
        matching: str | None = None,
        source: str | None = None,
        switch: bool = False,
    ) -> Branch:
        """Make a branch from another one: from its end, or from an earlier place.

        Example: ``await session.branches.create("retry", turn=2)``

        Args:
            name: The new branch's name: printable text of 1 to 255 bytes in UTF-8. The name of a deleted branch is free
                again.
            turn: Fork before the first item of this turn.
            position: Fork after this position; 0 is before everything.
            matching: Fork before the first user message that contains this text, ignoring case.
            source: The branch to fork; by default the one that this session object is on.
            switch: Also make the new branch the session's current one.

        Raises:
            BranchExistsError: The name is taken.
            TurnNotFoundError: The source has no such turn, position or message.
            UnknownBranchError: The branch `source` does not exist.
            UndecodableItemError: A message that might contain `matching` cannot be read, and the session is strict;
                nothing was changed.
            TypeError: An argument has the wrong type.
            ValueError: A name is not allowed, or more than one place is given.
            StoreError: The database refused the operation.
        """
        check_branch_name(name)
        check_flags(switch=switch)
        if source is not None:
            check_branch_name(source, "source")
        if sum(place is not None for place in (turn, position, matching)) > 1:
            raise ValueError(
                "turn, position and matching cannot be combined. No branch was made. Give one of them, or none."
            )
        if turn is not None:
            turn = check_count(turn, "turn", least=1)
        if position is not None:
            position = check_count(position, "position", least=0)
        place = log.ForkPlace(turn, position, *((says(matching), repr(matching)) if matching is not None else ()))
        handle, made_at = self._handle, now()
        handle.refuse_in_attempt("create a branch")

        branch, found = await handle.change(
            lambda tx: log.create_branch(
                tx, handle.conversation, made_at, name, source=source or handle.target, place=place, switch=switch
            )
        )
        if switch:
            handle.followed = found
        return branch

    async def list(self) -> builtins.list[Branch]:
        """List the branches in the order in which they were made, ``main`` first. A missing session has none.

        Example: ``branches = await session.branches.list()``

        The cost depends on the number of branches, not on the conversation's length.

        Raises:
            StoreError: The database refused the operation.
        """
        handle = self._handle
        return await handle.read(lambda tx: list_branches(tx, handle.conversation))

    async def switch(self, name: str) -> None:
        """Make a branch the session's current one, for every process.

        Example: ``await session.branches.switch("main")``

        Raises:
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        check_branch_name(name)
        handle = self._handle
        handle.refuse_in_attempt("switch branches")
        handle.followed = await handle.write(lambda tx: log.switch_branch(tx, handle.conversation, now(), name))

    async def rename(self, name: str, new: str) -> None:
        """Rename a branch. A leased branch cannot be renamed.

        Example: ``await session.branches.rename("draft", "final")``

        Raises:
            BranchExistsError: The new name is taken.
            BranchInUseError: The branch is ``main``, or this object holds a lease on it.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds a lease on it.
            UnknownBranchError: The branch does not exist.
            ValueError: The new name is not allowed.
            StoreError: The database refused the operation.
        """
        check_branch_name(name)
        check_branch_name(new, "new")
        handle = self._handle
        handle.refuse_in_attempt("rename a branch")
        await handle.write(lambda tx: log.rename_branch(tx, handle.conversation, now(), name, new))
        if handle.followed == name:
            number = number_of(handle.followed)
            handle.followed = BranchName(new, number) if number else new

    async def delete(self, name: str, *, force: bool = False) -> None:
        """Delete a branch and, physically, the items that only it could see. Its usage records are kept.

        Example: ``await session.branches.delete("draft")``

        Args:
            name: The branch.
            force: Delete it even if it is the current one; ``main`` becomes the current one.

        Raises:
            BranchInUseError: The branch is ``main``, or it is the current one and `force` is false.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on it.
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        check_branch_name(name)
        check_flags(force=force)
        handle = self._handle
        handle.refuse_in_attempt("delete a branch")
        await handle.write(lambda tx: log.delete_branch(tx, handle.conversation, now(), name, force=force))
        if handle.followed == name:
            handle.followed = None

    async def compare(self, first: str, second: str) -> Comparison:
        """Compare two branches: return their common items and the items that only one of them has.

        Example: ``comparison = await session.branches.compare("main", "draft")``

        Raises:
            UnknownBranchError: One of the branches does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        check_branch_name(first, "first")
        check_branch_name(second, "second")
        handle = self._handle
        comparison, undecodable = await handle.read(
            lambda tx: log.compare_branches(tx, handle.conversation, first, second)
        )
        handle.report(undecodable)
        return comparison

"""The branches of a session: `session.branches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.items.text import says
from sessions.log.core.heads import BranchName, number_of
from sessions.log.history import branches as log
from sessions.log.history.branch_list import list_branches
from sessions.validation import check_branch_name, check_count

if TYPE_CHECKING:
    import builtins

    from sessions.session.handle import Handle
    from sessions.types import Branch, Comparison


class Branches:
    """Names for different ways in which a conversation goes on. The first is ``main``, which is always there.

    A fork copies nothing: its cost does not depend on the conversation's length. Each method is atomic. Got from
    `session.branches`.
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
        """Make a branch that begins with what another one holds: all of it, or up to a place.

        Args:
            name: Its name: printable text of 1 to 255 bytes in UTF-8. A name is free again once its branch is deleted.
            turn: Leave the other branch before the first item of this turn.
            position: Leave it behind this position; 0 is before everything.
            matching: Leave it before the first message of a user in which this text is found, whatever its case.
            source: The other branch; the one that this session object is on unless named.
            switch: Make the new branch the current one, too.

        Raises:
            BranchExistsError: The name is taken.
            TurnNotFoundError: There is no such turn, position or message.
            UnknownBranchError: There is no branch `source`.
            UndecodableItemError: A message that may be the one that says `matching` cannot be read and the session is
                strict; nothing was changed.
            TypeError: An argument has the wrong type.
            ValueError: A name is not allowed, or more than one place is given.
            StoreError: The database refused.
        """
        check_branch_name(name)
        if source is not None:
            check_branch_name(source, "source")
        if sum(place is not None for place in (turn, position, matching)) > 1:
            raise ValueError("give one of turn, position and matching")
        if turn is not None:
            turn = check_count(turn, "turn", least=1)
        if position is not None:
            position = check_count(position, "position", least=0)
        place = log.ForkPlace(turn, position, *((says(matching), repr(matching)) if matching is not None else ()))
        handle, made_at = self._handle, now()

        branch, found = await handle.change(
            lambda tx: log.create_branch(
                tx, handle.conversation, made_at, name, source=source or handle.target, place=place, switch=switch
            )
        )
        if switch:
            handle.followed = found
        return branch

    async def list(self) -> builtins.list[Branch]:
        """Return the branches in the order in which they were made, ``main`` first; none if there is no such session.

        The cost depends on the number of branches, not on the conversation's length.

        Raises:
            StoreError: The database refused.
        """
        handle = self._handle
        return await handle.read(lambda tx: list_branches(tx, handle.conversation))

    async def switch(self, name: str) -> None:
        """Make a branch the session's current one, for every process.

        Raises:
            UnknownBranchError: There is no such branch.
            StoreError: The database refused.
        """
        check_branch_name(name)
        handle = self._handle
        handle.followed = await handle.write(lambda tx: log.switch_branch(tx, handle.conversation, now(), name))

    async def rename(self, name: str, new: str) -> None:
        """Give a branch another name; not while it is leased.

        Raises:
            BranchExistsError: The new name is taken.
            BranchInUseError: It is ``main``, or this object holds a lease on it.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds a lease on it.
            UnknownBranchError: There is no such branch.
            ValueError: The new name is not allowed.
            StoreError: The database refused.
        """
        check_branch_name(name)
        check_branch_name(new, "new")
        handle = self._handle
        await handle.write(lambda tx: log.rename_branch(tx, handle.conversation, now(), name, new))
        if handle.followed == name:
            number = number_of(handle.followed)
            handle.followed = BranchName(new, number) if number else new

    async def delete(self, name: str, *, force: bool = False) -> None:
        """Remove a branch, and physically the items that only it could see. What it cost stays on record.

        Args:
            name: The branch.
            force: Remove it also if it is the current one; then ``main`` becomes the current one.

        Raises:
            BranchInUseError: It is ``main``, or the current one and not `force`.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds an exclusive lease on it.
            UnknownBranchError: There is no such branch.
            StoreError: The database refused.
        """
        check_branch_name(name)
        handle = self._handle
        await handle.write(lambda tx: log.delete_branch(tx, handle.conversation, now(), name, force=force))
        if handle.followed == name:
            handle.followed = None

    async def compare(self, first: str, second: str) -> Comparison:
        """Return what two branches have in common, and what only one of them has.

        Raises:
            UnknownBranchError: There is no such branch.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
        """
        check_branch_name(first, "first")
        check_branch_name(second, "second")
        handle = self._handle
        comparison, undecodable = await handle.read(
            lambda tx: log.compare_branches(tx, handle.conversation, first, second)
        )
        handle.report(undecodable)
        return comparison

"""The branches of a session: `session.branches`.

Made by scripts/build_blocking.py from sessions/session/branches.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, as_asynchronous, run

if TYPE_CHECKING:
    import builtins

    import sessions.session.branches
    from sessions.types import Branch, Comparison


class Branches(Part):
    """A session's branches: named alternatives of one conversation. The first is ``main``, which always exists.

    Example: ``session.branches.create("draft", turn=2, switch=True)``

    A fork copies nothing, so its cost does not depend on the conversation's length. Each method is atomic. Get this
    object from `session.branches`.
    """

    _async: sessions.session.branches.Branches

    def create(
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

        Example: ``session.branches.create("retry", turn=2)``

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
        return run(
            self._async.create(
                name, turn=turn, position=position, matching=matching, source=as_asynchronous(source), switch=switch
            )
        )

    def list(self) -> builtins.list[Branch]:
        """List the branches in the order in which they were made, ``main`` first. A missing session has none.

        Example: ``branches = session.branches.list()``

        The cost depends on the number of branches, not on the conversation's length.

        Raises:
            StoreError: The database refused the operation.
        """
        return run(self._async.list())

    def switch(self, name: str) -> None:
        """Make a branch the session's current one, for every process.

        Example: ``session.branches.switch("main")``

        Raises:
            UnknownBranchError: The branch does not exist.
            StoreError: The database refused the operation.
        """
        run(self._async.switch(name))

    def rename(self, name: str, new: str) -> None:
        """Rename a branch. A leased branch cannot be renamed.

        Example: ``session.branches.rename("draft", "final")``

        Raises:
            BranchExistsError: The new name is taken.
            BranchInUseError: The branch is ``main``, or this object holds a lease on it.
            LeaseLostError: This object's lease was lost.
            SessionBusyError: Another caller holds a lease on it.
            UnknownBranchError: The branch does not exist.
            ValueError: The new name is not allowed.
            StoreError: The database refused the operation.
        """
        run(self._async.rename(name, new))

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete a branch and, physically, the items that only it could see. Its usage records are kept.

        Example: ``session.branches.delete("draft")``

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
        run(self._async.delete(name, force=force))

    def compare(self, first: str, second: str) -> Comparison:
        """Compare two branches: return their common items and the items that only one of them has.

        Example: ``comparison = session.branches.compare("main", "draft")``

        Raises:
            UnknownBranchError: One of the branches does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return run(self._async.compare(first, second))

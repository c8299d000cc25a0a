"""What a session can do with its history: undo, redo, other ways through a turn, branches, turns by page, a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sessions.clock import now
from sessions.session.part import SessionPart
from sessions.validation import check_branch_name, check_count, check_page

if TYPE_CHECKING:
    from rich.console import Console

    from sessions.session.branches import Branches
    from sessions.session.usage.usage import SessionUsage
    from sessions.types import Item, Sibling, Turn


class History(SessionPart):
    """Undo, redo, siblings, branches, turns and the tree.

    Reads follow the session's current branch, and changes go to the branch that this object read last; both stay on
    one branch after `on_branch`.
    """

    @property
    def branches(self) -> Branches:
        """The session's branches: create, list, switch, rename, delete, compare."""
        from sessions.session.branches import Branches

        return Branches(self._handle)

    @property
    def usage(self) -> SessionUsage:
        """What the session's model calls took: record, total, by, tools."""
        from sessions.session.usage.usage import SessionUsage

        return SessionUsage(self._handle)

    def on_branch(self, name: str) -> Self:
        """Return an object for the same session that stays on a branch, so that several agents can work at once.

        It reads and changes that branch, whichever is the current one. It shares this object's hold on the database.

        Raises:
            TypeError: `name` is not text.
            ValueError: `name` cannot name a branch. Whether there is such a branch shows at the first operation.
        """
        check_branch_name(name)
        return self._with(self._handle.pinned_to(name))

    async def undo(self, turns: int = 1) -> list[Item]:
        """Take the last turns off the branch. Nothing is deleted: `redo` brings them back.

        If something is added instead, they stay reachable as `siblings`.

        Args:
            turns: How many.

        Returns:
            The items of these turns, oldest first: a chat's user interface fills its editor with the first.

        Raises:
            TurnNotFoundError: The branch has not so many turns; nothing was changed.
            UndecodableItemError: An item of these turns cannot be read and the session is strict; nothing was changed.
            TypeError: `turns` is not an integer.
            ValueError: `turns` is below 1.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        from sessions.log.history.undo import undo

        turns = check_count(turns, "turns", least=1)
        handle = self._handle
        return await handle.change(lambda tx: undo(tx, handle.conversation, now(), branch=handle.target, turns=turns))

    async def redo(self) -> list[Item]:
        """Take the last `undo` back, if nothing was added or popped since.

        Returns:
            The items that are on the branch again, oldest first.

        Raises:
            NothingToRedoError: There is nothing to take back.
            UndecodableItemError: One of these items cannot be read and the session is strict; nothing was changed.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        from sessions.log.history.undo import redo

        handle = self._handle
        return await handle.change(lambda tx: redo(tx, handle.conversation, now(), branch=handle.target))

    async def siblings(self, turn: int | None = None) -> list[Sibling]:
        """Return the ways in which the conversation went on in a turn, as in "2 / 3", in the order they came to be.

        Undoing a turn and adding another, as a user interface does when a message is edited or an answer regenerated,
        makes a sibling; so does a branch that was made before the turn or in its middle.

        Args:
            turn: The turn's number; the last one if not given.

        Raises:
            TurnNotFoundError: The branch has no such turn.
            TypeError: `turn` is not an integer.
            ValueError: `turn` is below 1.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        from sessions.log.history.siblings import list_siblings

        if turn is not None:
            turn = check_count(turn, "turn", least=1)
        handle = self._handle
        return await handle.read(lambda tx: list_siblings(tx, handle.conversation, turn, handle.target))

    async def choose(self, sibling: Sibling) -> None:
        """Go on from a sibling: from where the conversation last went to on that way. The way that is left stays one.

        A sibling that is on another branch makes that branch the current one.

        Args:
            sibling: One of those that `siblings` returned.

        Raises:
            TypeError: `sibling` is something else.
            BranchInUseError: The sibling is on another branch, and this object stays on its own.
            TurnNotFoundError: The sibling is not there any more.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        from sessions.log.history.siblings import choose_sibling
        from sessions.types import Sibling

        if not isinstance(sibling, Sibling):
            raise TypeError(f"sibling must be one of those that siblings() returns, not {type(sibling).__name__}")
        handle = self._handle
        branch = await handle.write(
            lambda tx: choose_sibling(
                tx, handle.conversation, now(), sibling, handle.target, pinned=handle.pinned is not None
            )
        )
        handle.followed = branch

    async def turns(
        self, limit: int | None = None, *, before: int | None = None, after: int | None = None
    ) -> list[Turn]:
        """Return turns of the branch with their items, oldest first, as of one moment.

        A turn of which no item can be read is there, too, without any.

        Args:
            limit: How many at most: the last ones; with `after`, the first ones.
            before: Only turns that begin before this position: ``turns(20, before=page[0].position)``.
            after: Only turns that begin after this position: ``turns(20, after=page[-1].last_position)``.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is out of range, or both `before` and `after` are given.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
        """
        from sessions.log.core.turns import read_turns

        limit, before, after = check_page(limit, before, after)
        if before is not None and after is not None:
            raise ValueError("give before or after, not both")
        handle = self._handle
        turns, undecodable, handle.followed = await handle.read(
            lambda tx: read_turns(
                tx, handle.conversation, branch=handle.pinned, limit=limit, before=before, after=after
            )
        )
        handle.report(undecodable)
        return turns

    async def get_turn(self, number: int) -> Turn:
        """Return one turn of the branch with its items; 0 is what comes before the first message of a user.

        Raises:
            TurnNotFoundError: There is no such turn.
            TypeError: `number` is not an integer.
            ValueError: `number` is negative.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            StoreError: The database refused.
        """
        from sessions.log.core.turns import read_turn

        number = check_count(number, "number", least=0)
        handle = self._handle
        turn, undecodable, handle.followed = await handle.read(
            lambda tx: read_turn(tx, handle.conversation, number, handle.pinned)
        )
        handle.report(undecodable)
        return turn

    async def tree(self, *, console: Console | None = None) -> None:
        """Print the session's turns and branches, also what was undone or left for another answer, as a tree.

        Each turn is printed once, with the beginnings of its message and its answer, however many branches share it.
        The branch that is read is marked and runs down the left edge. A stored item that cannot be read is shown as
        such. The cost is proportional to the size of the whole session, without the payloads of most of its items.

        Args:
            console: Where to print: ``Console(file=…, width=…)`` of the library rich. Standard output, if not given,
                as wide as the terminal and without colour where that is not wanted (a pipe, ``NO_COLOR``).

        Raises:
            TypeError: `console` cannot print.
            UnknownBranchError: This object stays on a branch that is not there any more.
            StoreError: The database refused.
        """
        from sessions.log.history.tree import read_tree
        from sessions.session.tree import print_tree

        if console is not None and not hasattr(console, "print"):
            raise TypeError(f"console must be a rich.console.Console, not {type(console).__name__}")
        handle = self._handle
        print_tree(await handle.read(lambda tx: read_tree(tx, handle.conversation, handle.pinned)), console)

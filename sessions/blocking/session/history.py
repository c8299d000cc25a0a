"""A session's history: undo, redo, siblings, branches, turns by page, and the tree.

Made by scripts/build_blocking.py from sessions/session/history.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Block, run
from sessions.blocking.session.branches import Branches
from sessions.blocking.session.usage.usage import SessionUsage
from sessions.blocking.session.ways import Ways

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Literal, Self

    import sessions.session.history
    from sessions.session.tree_data import Tree
    from sessions.types import Item, Turn


class History(Ways):
    """Undo, redo, siblings, branches, turns and the tree.

    Reads use the session's current branch. Changes go to the branch that this object read last. An object made by
    `on_branch` reads and changes only its own branch.
    """

    _async: sessions.session.history.History

    @property
    def branches(self) -> Branches:
        """Get the session's branches: create, list, switch, rename, delete, compare.

        Example: ``session.branches.create("draft", switch=True)``
        """
        return Branches(self._async.branches)

    @property
    def usage(self) -> SessionUsage:
        """Get the session's usage, in tokens and money: record, total, by, tools.

        Example: ``usage = session.usage.total()``
        """
        return SessionUsage(self._async.usage)

    def on_branch(self, name: str) -> Self:
        """Return an object for the same session that stays on one branch, so that several agents can work at once.

        Example: ``draft = session.on_branch("draft")``

        It reads and changes that branch, even while another one is current. It shares this object's database
        connection.

        Args:
            name: The branch's name. The first operation checks that the branch exists.

        Raises:
            InAttemptError: This is the session of an attempt.
            TypeError: `name` is not a string.
            ValueError: `name` cannot be the name of a branch.
        """
        return self._like(self._async.on_branch(name))

    def undo(self, turns: int = 1) -> list[Item]:
        """Undo the last turns of the branch. Nothing is deleted: `redo` reverts it.

        Example: ``items = session.undo()``

        If new items are added instead, the undone turns stay available as `siblings`.

        Args:
            turns: The number of turns.

        Returns:
            The items of the undone turns, oldest first. A chat can put the first one back into its editor.

        Raises:
            TurnNotFoundError: The branch has fewer turns; nothing was changed.
            UndecodableItemError: One of these items cannot be read, and the session is strict; nothing was changed.
            TypeError: `turns` is not an integer.
            ValueError: `turns` is below 1.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.undo(turns))

    def rewind(self, turn: int) -> list[Item]:
        """Take a turn and all that follow it off the branch. Nothing is deleted: `redo` brings them back.

        If something is added instead, they stay reachable as `siblings`.

        Example: ``message, *_ = session.rewind(turn=2)``

        Args:
            turn: The number of the first turn to take off, from 1.

        Returns:
            The items of these turns, oldest first: a chat's user interface fills its editor with the first.

        Raises:
            TurnNotFoundError: The branch has no such turn, or the turn has expired; nothing was changed.
            UndecodableItemError: An item of these turns cannot be read and the session is strict; nothing was changed.
            InAttemptError: This is the session of an attempt.
            TypeError: `turn` is not an integer.
            ValueError: `turn` is below 1.
            UnknownBranchError: The branch is not there any more.
            StoreError: The database refused.
        """
        return run(self._async.rewind(turn))

    def attempt(
        self, turn: int | None = None, *, on_failure: Literal["keep", "drop"] = "keep"
    ) -> AbstractContextManager[Self]:
        """Try another way, and switch to it only if it succeeds: to edit a message or regenerate an answer.

        The block gets a session of the same kind that reads and writes the attempt: hand it to the runner. It begins
        before the given turn. All other readers see the branch as it was. When the block ends, one transaction makes
        the attempt active on the branch, and the replaced turns stay available as a sibling. If the block raises, the
        branch stays as it is.

        Example: ``with session.attempt(turn=2) as tried: Runner.run_sync(agent, "Again?", session=tried.asynchronous)``

        Args:
            turn: The turn to replace, from 1, with all that follow it; ``None`` to go on from the branch's end.
            on_failure: The treatment of the attempt if the block raises. ``"keep"``: the added items stay as a sibling,
                as it does if the process is killed. ``"drop"``: it is deleted. Its usage records are kept.
                Either way, the idempotency keys used in the block count as new, so a retry adds its items again.

        Raises:
            TurnNotFoundError: On entering: the branch has no such turn, or the turn has expired.
            InAttemptError: This is the session of an attempt already.
            ConflictError: On leaving: the branch does not end where it did on entering; the attempt stays as a sibling.
                In the block: the branch was deleted or the session cleared.
            LeaseLostError: The lease of this object was lost; the attempt stays as a sibling.
            SessionBusyError: Another caller holds an exclusive lease on the branch.
            UnknownBranchError: On entering: the branch is not there any more.
            TypeError: `turn` is not an integer.
            ValueError: `turn` is below 1, or `on_failure` is neither ``"keep"`` nor ``"drop"``.
            StoreError: The database refused.
        """
        return Block(self._async.attempt(turn, on_failure=on_failure), self._like)

    def redo(self) -> list[Item]:
        """Revert the last `undo`, if nothing was added or popped since.

        Example: ``items = session.redo()``

        You can redo as many times as you undid, even from another process.

        Returns:
            The items that are back on the branch, oldest first.

        Raises:
            NothingToRedoError: Nothing was undone, or the branch changed since.
            UndecodableItemError: One of these items cannot be read, and the session is strict; nothing was changed.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.redo())

    def turns(self, limit: int | None = None, *, before: int | None = None, after: int | None = None) -> list[Turn]:
        """Return the branch's turns with their items, oldest first, as of one moment.

        Example: ``page = session.turns(20)``

        A turn whose items all expired or cannot be read is returned without items.

        Args:
            limit: The maximum number of turns: the last ones; with `after`, the first ones.
            before: Only turns that begin before this position: ``turns(20, before=page[0].position)``.
            after: Only turns that begin after this position: ``turns(20, after=page[-1].last_position)``.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is out of range, or both `before` and `after` are given.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return run(self._async.turns(limit, before=before, after=after))

    def get_turn(self, number: int) -> Turn:
        """Return one turn of the branch with its items. Turn 0 holds the items before the first user message.

        Example: ``turn = session.get_turn(1)``

        Raises:
            TurnNotFoundError: The branch has no such turn.
            TypeError: `number` is not an integer.
            ValueError: `number` is negative.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        return run(self._async.get_turn(number))

    def tree(self, *, max_turns: int | None = 1000) -> Tree:
        """Return the session's turns and branches as a tree, including undone turns and siblings.

        Example: ``print(session.tree())``

        Each turn is there once, however many branches share it, with the beginnings of its message and its answer. The
        tree prints itself, with this branch along the left edge; long straight runs are folded then.

        Args:
            max_turns: The maximum number of turns, from 1; ``None`` for all. The branch gets at least half of them, its
                latest ones; the rest is for the other ways, those that were active last. `Tree.left_out` is the number
                of the others. The cost depends on this number, not on the length of the conversation.

        Raises:
            TypeError: `max_turns` is not an integer.
            ValueError: `max_turns` is below 1.
            UnknownBranchError: This object stays on a branch that no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.tree(max_turns=max_turns))

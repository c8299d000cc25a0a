"""A session's history: undo, redo, siblings, branches, turns by page, and the tree."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, Self

from sessions.clock import now
from sessions.session.ways import Ways
from sessions.validation import check_branch_name, check_count, check_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from sessions.session.branches import Branches
    from sessions.session.tree_data import Tree
    from sessions.session.usage.usage import SessionUsage
    from sessions.types import Item, Turn


class History(Ways):
    """Undo, redo, siblings, branches, turns and the tree.

    Reads use the session's current branch. Changes go to the branch that this object read last. An object made by
    `on_branch` reads and changes only its own branch.
    """

    @property
    def branches(self) -> Branches:
        """Get the session's branches: create, list, switch, rename, delete, compare.

        Example: ``await session.branches.create("draft", switch=True)``
        """
        from sessions.session.branches import Branches

        return Branches(self._handle)

    @property
    def usage(self) -> SessionUsage:
        """Get the session's usage, in tokens and money: record, total, by, tools.

        Example: ``usage = await session.usage.total()``
        """
        from sessions.session.usage.usage import SessionUsage

        return SessionUsage(self._handle)

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
        check_branch_name(name)
        self._handle.refuse_in_attempt("stay on a branch")
        return self._with(self._handle.pinned_to(name))

    async def undo(self, turns: int = 1) -> list[Item]:
        """Undo the last turns of the branch. Nothing is deleted: `redo` reverts it.

        Example: ``items = await session.undo()``

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
        from sessions.log.history.undo import undo

        turns = check_count(turns, "turns", least=1)
        handle = self._handle
        handle.refuse_in_attempt("undo")
        return await handle.change(lambda tx: undo(tx, handle.conversation, now(), branch=handle.target, turns=turns))

    async def rewind(self, turn: int) -> list[Item]:
        """Take a turn and all that follow it off the branch. Nothing is deleted: `redo` brings them back.

        If something is added instead, they stay reachable as `siblings`.

        Example: ``message, *_ = await session.rewind(turn=2)``

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
        from sessions.log.history.undo import rewind

        turn = check_count(turn, "turn", least=1)
        handle = self._handle
        handle.refuse_in_attempt("rewind")
        return await handle.change(lambda tx: rewind(tx, handle.conversation, now(), branch=handle.target, turn=turn))

    def attempt(
        self, turn: int | None = None, *, on_failure: Literal["keep", "drop"] = "keep"
    ) -> AbstractAsyncContextManager[Self]:
        """Try another way, and switch to it only if it succeeds: to edit a message or regenerate an answer.

        The block gets a session of the same kind that reads and writes the attempt: hand it to the runner. It begins
        before the given turn. All other readers see the branch as it was. When the block ends, one transaction makes
        the attempt active on the branch, and the replaced turns stay available as a sibling. If the block raises, the
        branch stays as it is.

        Example: ``async with session.attempt(turn=2) as tried: await Runner.run(agent, "Again?", session=tried)``

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
        if turn is not None:
            turn = check_count(turn, "turn", least=1)
        if on_failure not in ("keep", "drop"):
            raise ValueError(
                f"on_failure must be 'keep' or 'drop', got {on_failure!r}. Nothing was done. Leave it out to keep."
            )
        self._handle.refuse_in_attempt("begin another attempt")
        return self._attempted(turn, drop=on_failure == "drop")

    @asynccontextmanager
    async def _attempted(self, turn: int | None, *, drop: bool) -> AsyncIterator[Self]:
        from sessions.session.attempts import begin, commit, end

        handle = self._handle
        attempt = await begin(handle, turn)
        tried = handle.attempting(attempt.name)
        try:
            yield self._with(tried)
        except BaseException:
            await end(handle, attempt, drop=drop)
            raise
        await commit(handle, attempt)
        if tried.titles is not None:
            await tried.titles.chosen(handle)

    async def redo(self) -> list[Item]:
        """Revert the last `undo`, if nothing was added or popped since.

        Example: ``items = await session.redo()``

        You can redo as many times as you undid, even from another process.

        Returns:
            The items that are back on the branch, oldest first.

        Raises:
            NothingToRedoError: Nothing was undone, or the branch changed since.
            UndecodableItemError: One of these items cannot be read, and the session is strict; nothing was changed.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        from sessions.log.history.undo import redo

        handle = self._handle
        handle.refuse_in_attempt("redo")
        return await handle.change(lambda tx: redo(tx, handle.conversation, now(), branch=handle.target))

    async def turns(
        self, limit: int | None = None, *, before: int | None = None, after: int | None = None
    ) -> list[Turn]:
        """Return the branch's turns with their items, oldest first, as of one moment.

        Example: ``page = await session.turns(20)``

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
        from sessions.log.core.turns import read_turns

        limit, before, after = check_page(limit, before, after)
        if before is not None and after is not None:
            raise ValueError("before and after cannot be combined. Nothing was read. Give one of them.")
        handle = self._handle
        turns, undecodable, handle.followed = await handle.read(
            lambda tx: read_turns(
                tx, handle.conversation, branch=handle.pinned, limit=limit, before=before, after=after
            )
        )
        handle.report(undecodable)
        return turns

    async def get_turn(self, number: int) -> Turn:
        """Return one turn of the branch with its items. Turn 0 holds the items before the first user message.

        Example: ``turn = await session.get_turn(1)``

        Raises:
            TurnNotFoundError: The branch has no such turn.
            TypeError: `number` is not an integer.
            ValueError: `number` is negative.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            StoreError: The database refused the operation.
        """
        from sessions.log.core.turns import read_turn

        number = check_count(number, "number", least=0)
        handle = self._handle
        turn, undecodable, handle.followed = await handle.read(
            lambda tx: read_turn(tx, handle.conversation, number, handle.pinned)
        )
        handle.report(undecodable)
        return turn

    async def tree(self, *, max_turns: int | None = 1000) -> Tree:
        """Return the session's turns and branches as a tree, including undone turns and siblings.

        Example: ``print(await session.tree())``

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
        from sessions.log.history.tree import read_tree
        from sessions.session.tree_data import as_tree

        if max_turns is not None:
            max_turns = check_count(max_turns, "max_turns", least=1)
        handle = self._handle
        # As one piece of work, since times that cannot be true are told as damage.
        return await handle.read(lambda tx: as_tree(read_tree(tx, handle.conversation, handle.pinned, max_turns)))

"""The alternative ways of a conversation: siblings, choosing one, the continuations of a branch's end.

Made by scripts/build_blocking.py from sessions/session/ways.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.objects import SessionPart

if TYPE_CHECKING:
    import sessions.session.ways
    from sessions.types import Item, Sibling


class Ways(SessionPart):
    """The alternatives of turns."""

    _async: sessions.session.ways.Ways

    def siblings(self, turn: int | None = None) -> list[Sibling]:
        """List the alternative versions of a turn, as in "2 / 3", in the order in which they were made.

        Example: ``alternatives = session.siblings(1)``

        An undone turn and the turn added in its place are siblings: user interfaces make them when a message is edited
        or an answer is regenerated. A branch that forks before the turn or inside it makes a sibling too.

        Args:
            turn: The turn's number; the last turn if not given.

        Raises:
            TurnNotFoundError: The branch has no such turn.
            TypeError: `turn` is not an integer.
            ValueError: `turn` is below 1.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.siblings(turn))

    def siblings_by_turn(self, *, max_turns: int | None = None) -> dict[int, list[Sibling]]:
        """List the alternatives of all turns of the branch in one read: "2 / 3" under each message of a chat.

        Example: ``alternatives = session.siblings_by_turn()[1]``

        Args:
            max_turns: Only the latest turns of the branch, this many, from 1; ``None`` for all. Older items are not
                read, so a page of a long conversation costs the same as one of a short conversation.

        Returns:
            By the turn's number, in order, the same list as `siblings` returns; a turn without alternatives has a list
            of one. Expired turns are missing. The cost is proportional to the number of turns that are read, of all
            branches.

        Raises:
            TypeError: `max_turns` is not an integer.
            ValueError: `max_turns` is below 1.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.siblings_by_turn(max_turns=max_turns))

    def ways_on(self) -> list[Sibling]:
        """List the ways that continue from the end of the branch, in the order in which they were made.

        Example: ``ways = session.ways_on()``

        After `undo`, this is the undone turn (`Sibling.undone`: `redo` leads there) and all alternatives to it; it is
        also what other branches added after the end of this one. Pass one to `choose`.

        Returns:
            The alternatives of the next turn, none of them current; before them, those that go on within the last turn.

        Raises:
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.ways_on())

    def items_of(self, way: Sibling | str) -> list[Item]:
        """Return the items that `get_items` would return after `choose`, without choosing.

        Example: ``items = session.items_of(session.siblings(1)[0])``

        Args:
            way: A sibling, or the id of an entry, as for `choose`.

        Returns:
            All items of that way, oldest first.

        Raises:
            TypeError: `way` is neither a `Sibling` nor text.
            TurnNotFoundError: The sibling no longer exists.
            UnknownEntryError: The session has no entry with that id.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        return run(self._async.items_of(way))

    def choose(self, way: Sibling | str) -> None:
        """Switch to an alternative version of a turn. The current one stays available as a sibling.

        Example: ``session.choose(session.siblings(1)[0])``

        The branch continues from where the conversation last went in that alternative. If another branch holds the
        sibling, that branch becomes the session's current one.

        Args:
            way: A sibling returned by `siblings`; or text, the id of an entry (`Sibling.entry`, `Entry.id` or the id of
                a node of `tree`): the way through this entry. Such an id survives JSON, so a browser can send it back.

        Raises:
            TypeError: `way` is neither a `Sibling` nor text.
            BranchInUseError: The sibling is on another branch, but this object stays on its own.
            TurnNotFoundError: The sibling no longer exists.
            UnknownEntryError: The session has no entry with that id: it was removed, or is another session's.
            InAttemptError: This is the session of an attempt.
            UnknownBranchError: The branch no longer exists.
            StoreError: The database refused the operation.
        """
        run(self._async.choose(way))

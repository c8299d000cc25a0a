"""The drawing order of a session's tree, and the follower that continues straight at each fork.

The branch that is read goes straight on, and elsewhere the child with most nodes below it. So each step to the side
halves the number of possible followers: the depth of the drawing is at most the logarithm of the number of nodes, even
where every turn was regenerated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sessions.log.history.tree import End, Tree


_LONG: Final = 12
"""A straight run of so many turns is folded."""

_SHOWN: Final = 3
"""So many turns of it are drawn at either end."""


class Fork(NamedTuple):
    """The followers of a node.

    Attributes:
        aside: The indented followers, in the order in which they were made.
        straight: The follower drawn straight below, after those; ``None`` without one.
    """

    aside: list[int]
    straight: int | None


class Order:
    """The order of nodes in a drawing of a tree.

    Attributes:
        read: The nodes that the branch which is read sees.
        kept: The nodes that a branch or the attempt which is read sees; all others were undone, or left for a sibling.
    """

    def __init__(self, tree: Tree) -> None:
        self.read: set[int] = set()
        self.kept: set[int] = set()
        self._tree = tree
        self._weights = [1] * len(tree.nodes)
        self._children: dict[int | None, list[int]] = {}
        for index, node in enumerate(tree.nodes):
            self._children.setdefault(node.parent, []).append(index)
        # Children come after their parents.
        for index in reversed(range(len(tree.nodes))):
            node = tree.nodes[index]
            if is_read(node.ends):
                self.read.add(index)
            if any(end.what == "branch" or end.current for end in node.ends):
                self.kept.add(index)
            if node.parent is not None:
                self._weights[node.parent] += self._weights[index]
                for seen in (self.read, self.kept):
                    if index in seen:
                        seen.add(node.parent)

    def folds(self) -> dict[int, tuple[int, int]]:
        """Return the long straight runs that are not drawn: by their first node, how many nodes, and which one is next.

        Nothing ends in them, and nothing leaves them.
        """
        found = {}
        for index, node in enumerate(self._tree.nodes):
            if node.parent is not None and self._is_straight(node.parent):
                continue
            run = []
            at = index
            while self._is_straight(at):
                run.append(at)
                (at,) = self._children[at]
            if len(run) >= _LONG:
                hidden = run[_SHOWN : len(run) - _SHOWN]
                found[hidden[0]] = len(hidden), run[len(run) - _SHOWN]
        return found

    def _is_straight(self, index: int) -> bool:
        node = self._tree.nodes[index]
        alone = len(self._children.get(node.parent, [])) == 1
        return alone and not node.ends and not node.left_out and len(self._children.get(index, [])) == 1

    def after(self, index: int | None) -> Fork:
        """Return the followers of a node, or of the beginning (``None``)."""
        children = self._children.get(index, [])
        if not children:
            return Fork([], None)
        ends = self._tree.ends if index is None else self._tree.nodes[index].ends
        if is_read(ends) and len(children) > 1:
            # Nothing here is how that branch goes on.
            return Fork(children, None)
        straight = max(children, key=lambda child: (child in self.read, self._weights[child], child))
        return Fork([child for child in children if child != straight], straight)


def is_read(ends: list[End]) -> bool:
    """Tell whether the branch that is read is one of these ends."""
    return any(end.current for end in ends)

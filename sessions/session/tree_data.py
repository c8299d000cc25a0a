"""A session's tree as data, the result of `session.tree()`."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sessions.clock import as_time
from sessions.items.kinds import ASSISTANT
from sessions.log.history.tree import find_said
from sessions.session.tree_layout import Order

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console, ConsoleOptions, RenderResult

    from sessions.log.history.tree import End
    from sessions.log.history.tree import Tree as ReadTree


@dataclass(frozen=True)
class TreeTip:
    """A place where a way of the conversation ends.

    Attributes:
        branch: The branch that ends there, or that was there before; of an attempt, the branch that it is one of.
        kind: ``"branch"``: the branch ends there. ``"undone"``: `redo` returns there. ``"left"``: it was left for
            another way, or is an attempt.
        current: Whether it is the end of the branch, or the attempt, that was read.
    """

    branch: str
    kind: Literal["branch", "undone", "left"]
    current: bool


@dataclass(frozen=True)
class TreeNode:
    """A turn, or the part of a turn between two forks.

    Attributes:
        id: The id of its last item: ``choose(node.id)`` switches to the way through it.
        parent: The id of the node before it; ``None`` at a beginning, or if no turn before it was read.
        turn: The turn's number; 0 before the first message of a user.
        kind: The kind of the message in `text`: ``user``, ``assistant``, ``system`` or ``developer``; ``None`` without
            one, and ``text`` is ``None``, too.
        text: The beginning of the first message, in one line; ``None`` also if it cannot be read.
        answer: The beginning of the first message of an assistant, in one line; ``None`` without one.
        author: The author of its first item, if known.
        created_at: When its first item was added (UTC).
        items: The number of its items.
        tool_calls: The number of those that call a tool.
        continues: Whether its turn begins in the parent.
        active: Whether it is on the branch that was read.
        tips: The branches and ways that end here, branches first.
        left_out: The number of turns between this node and its parent that were not read.
    """

    id: str
    parent: str | None
    turn: int
    kind: str | None
    text: str | None
    answer: str | None
    author: str | None
    created_at: datetime
    items: int
    tool_calls: int
    continues: bool
    active: bool
    tips: tuple[TreeTip, ...]
    left_out: int


@dataclass(frozen=True)
class Tree:
    """All turns of a session that branches, undo and siblings can reach, each once, as of one moment.

    Print it: ``print(await session.tree())``. The library rich prints it in colour, and notebooks show it.
    ``dataclasses.asdict(tree)`` is for a browser.

    Attributes:
        session_id: The session's id.
        branch: The branch that was read; of an attempt, the branch that it is one of.
        nodes: Parents before their children; children in the order in which they were made.
        tips: The branches that end before all nodes: they have no items.
        left_out: The number of turns that were not read, because of `max_turns`.
        tips_left_out: The tips in these turns.
    """

    session_id: str
    branch: str
    nodes: tuple[TreeNode, ...]
    tips: tuple[TreeTip, ...]
    left_out: int
    tips_left_out: tuple[TreeTip, ...]
    read: InitVar[ReadTree]
    _read: ClassVar[Any] = None
    """The rows that it was made of, from which it is drawn; of each tree, and no field of it."""

    def __post_init__(self, read: ReadTree) -> None:
        object.__setattr__(self, "_read", read)

    @property
    def chosen(self) -> list[TreeNode]:
        """The nodes of the branch that was read, oldest first.

        Example: ``texts = [node.text for node in tree.chosen]``
        """
        return [node for node in self.nodes if node.active]

    def to_mermaid(self) -> str:
        """Return the tree as a flow chart in Mermaid's language, for Markdown; texts are escaped.

        Example: ``print(tree.to_mermaid())``
        """
        from sessions.session.tree_mermaid import to_mermaid

        return to_mermaid(self._read)

    def __str__(self) -> str:
        from sessions.session.tree import TreeView

        return TreeView(self._read).as_text()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines for the library rich."""
        from sessions.session.tree import TreeView

        return TreeView(self._read).__rich_console__(console, options)

    def to_html(self) -> str:
        """Return the tree as HTML for a report or a page, which loads nothing else; texts are escaped.

        Example: ``page = tree.to_html()``
        """
        from sessions.session.tree import TreeView

        return TreeView(self._read).as_html()

    def _repr_html_(self) -> str:
        """Return HTML for notebooks."""
        return self.to_html()


def as_tree(read: ReadTree) -> Tree:
    """Return a tree as users get it."""
    active = Order(read).read
    nodes = []
    for index, node in enumerate(read.nodes):
        first = node.said[0] if node.said else None
        answer = find_said(node, ASSISTANT)
        nodes.append(
            TreeNode(
                id=node.last.text,
                parent=None if node.parent is None else read.nodes[node.parent].last.text,
                turn=node.turn,
                kind=first and first.kind,
                text=first and first.text,
                answer=answer and answer.text,
                author=node.author,
                created_at=as_time(node.created_at),
                items=node.items,
                tool_calls=node.tool_calls,
                continues=node.continues,
                active=index in active,
                tips=_tips(node.ends),
                left_out=node.left_out,
            )
        )
    return Tree(
        read.session_id,
        str(read.branch),
        tuple(nodes),
        _tips(read.ends),
        read.left_out,
        _tips(read.ends_left_out),
        read,
    )


def _tips(ends: list[End] | tuple[End, ...]) -> tuple[TreeTip, ...]:
    return tuple(TreeTip(str(end.branch), end.what, end.current) for end in ends)

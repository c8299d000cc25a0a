"""The tree of a session's turns: everything that its branches, and the tips that they left, can see, each once.

A segment's entries are cut into turns, and where another segment or a tip leaves in the middle of a turn. Each piece is
a node, whose parent is the piece before it. The cost is that of the session's entries without their payloads, and of
the payloads of a few messages for each turn.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from sessions.db.ids import POSITION_BITS, position_of
from sessions.items.calls import text_of
from sessions.items.kinds import HOSTED_TOOL_CALL, TOOL_CALL, USER
from sessions.items.text import one_line
from sessions.log.core.damage import read_segments
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.gc import find_seen
from sessions.log.core.heads import MAIN, find_head
from sessions.log.history.tree_bounds import Reading
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.words import LEFT_TIP

if TYPE_CHECKING:
    from sessions.db.transaction import Row, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.gc import Seen
    from sessions.log.core.reader import Reader

PREVIEW_LENGTH = 400
"""Characters of a message that are kept: more than a line of a terminal shows."""


class End(NamedTuple):
    """A branch or way that ends at a node.

    Attributes:
        branch: The branch's name; of a tip that a branch left, and of an attempt, that branch's.
        what: The branch itself; a way forward that `redo` would take; or a way that was left for another.
        current: Whether it is the branch or the attempt that is read.
    """

    branch: str
    what: Literal["branch", "undone", "left"]
    current: bool


class Preview(NamedTuple):
    """The beginning of a message, in one line.

    Attributes:
        kind: The speaker: ``"user"``, ``"assistant"``, ``"system"`` or ``"developer"``.
        text: The message's text, which may be empty; ``None`` if the stored item cannot be read.
    """

    kind: str
    text: str | None


@dataclass(slots=True)
class Node:
    """A turn, or the part of one that lies between two forks.

    Attributes:
        turn: The turn's number; 0 for the items before the first message of a user.
        parent: The index of the node before it in the tree's list; ``None`` if it begins a conversation.
        continues: Whether its turn begins in the parent.
        items: How many items it has.
        tool_calls: How many of them call a tool.
        said: The first message of each kind, in order.
        ends: The branches and ways that end here, branches first.
        left_out: How many turns before it, back to its parent, were not read.
        last: The internal id and the version of its last item.
        author: The author of its first item.
        created_at: When that was, in microseconds since 1970, UTC.
    """

    turn: int
    parent: int | None
    continues: bool
    items: int = 0
    tool_calls: int = 0
    said: list[Preview] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    left_out: int = 0
    last: EntryId = field(default=EntryId(0, 0), compare=False)
    author: str | None = field(default=None, compare=False)
    created_at: int = field(default=0, compare=False)


class Tree(NamedTuple):
    """A session's turns and branches, as of one moment.

    Attributes:
        session_id: The session.
        branch: The branch that is read; of an attempt, the branch that it is one of.
        nodes: Parents before their children, children in the order in which they came to be.
        ends: The branches that end before every node: they are empty.
        left_out: How many turns were not read.
        ends_left_out: The branches and ways that end in these.
    """

    session_id: str
    branch: str
    nodes: list[Node]
    ends: list[End]
    left_out: int = 0
    ends_left_out: tuple[End, ...] = ()

    @property
    def branches(self) -> int:
        """How many branches there are."""
        ends = (self.ends, self.ends_left_out, *(node.ends for node in self.nodes))
        return sum(end.what == "branch" for some in ends for end in some)


def read_tree(tx: Transaction, conversation: Conversation, branch: str | None, max_turns: int | None = None) -> Tree:
    """Return the tree of a session, of which `branch` is marked, the current one unless named.

    Of more than `max_turns` turns, the latest of the branch are read, and the latest of the other ways.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    session_id = conversation.session_id
    head = find_head(tx, conversation, branch)
    if head is None:
        return Tree(session_id, MAIN, [], [End(MAIN, "branch", current=True)])
    tips = tx.all(branch_statements.TIPS, session=head.session)
    seen = find_seen(tx, head.session)
    reading = Reading(read_segments(tx, head.session), tips, head.branch, max_turns)
    growth = _Growth(seen, head.reader, reading)
    for _, segment, tip, *_ in tips:
        growth.cut(segment, tip)
    for segment, (parent, fork_position) in seen.origins.items():
        if parent is not None and segment in seen.highest:
            growth.cut(parent, fork_position)
    # A segment is younger than the one that it was forked from.
    for segment in sorted(seen.highest):
        growth.read(tx, segment)
    shown = next((owner for name, _, _, _, owner, *_ in tips if name == head.branch and owner), head.branch)
    return _with_ends(Tree(session_id, shown, growth.nodes, [], reading.left_out), growth, tips, head.branch)


def _with_ends(tree: Tree, growth: _Growth, tips: list[Row], read: str) -> Tree:
    """Put each end at its node; `read` is the name of the tip that is read."""
    left_out: list[End] = []
    owners = {name: owner for name, _, _, _, owner, *_ in tips}
    places = {name: (segment, tip) for name, segment, tip, *_ in tips}
    if MAIN not in owners:
        tree.ends.append(End(MAIN, "branch", read == MAIN))
    for name, segment, tip, turn, owner, pending, *_ in tips:
        if owner in places and not pending and name != read and growth.is_on((segment, tip), places[owner]):
            # An attempt that has added nothing, maybe of a process that was killed: its branch goes through all of it.
            continue
        ends = left_out
        if growth.reads(segment, tip, turn):
            at = growth.node_at(segment, tip)
            ends = tree.ends if at is None else tree.nodes[at].ends
        if name.startswith(LEFT_TIP):
            # Where an attempt was repaired, it has left a tip, too.
            ends.append(End(owners.get(owner) or owner, "undone" if pending else "left", name == read))
        else:
            ends.append(End(name, "branch", name == read))
    for ends in (tree.ends, left_out, *(node.ends for node in tree.nodes)):
        ends.sort(key=lambda end: (("branch", "undone", "left").index(end.what), not end.current))
    return tree._replace(ends_left_out=tuple(left_out))


class _Growth:
    """A tree that grows segment by segment."""

    def __init__(self, seen: Seen, reader: Reader, reading: Reading) -> None:
        self.nodes: list[Node] = []
        self._seen = seen
        self._reader = reader
        self._reading = reading
        self._cuts: dict[int, set[int]] = {segment: {high} for segment, high in seen.highest.items()}
        # Of each segment: the first positions of its nodes, and the index of the first of them.
        self._firsts: dict[int, list[int]] = {}
        self._index: dict[int, int] = {}
        self._nearest: dict[int, int | None] = {}
        self._ways: dict[tuple[int, int], dict[int, int]] = {}

    def cut(self, segment: int, position: int) -> None:
        """Let a node end at a position that is seen from a segment."""
        at = self._holder(segment, position)
        if at is not None:
            self._cuts[at].add(position)

    def read(self, tx: Transaction, segment: int) -> None:
        """Add the nodes of a segment, whose parent has been read."""
        parent, low = self._seen.origins[segment]
        self._firsts[segment] = []
        self._index[segment] = len(self.nodes)
        ranges = self._reading.ranges(tx, segment, low, self._seen.highest[segment])
        before = self.node_at(parent, low) if ranges and parent is not None else None
        for first, last in ranges:
            begins = len(self.nodes)
            at = first
            for high in sorted({*self._cuts[segment], last}):
                if first < high <= last:
                    before = self._read_between(tx, segment, at, high, before)
                    at = high
            if self._reading.left_out and begins < len(self.nodes):
                node = self.nodes[begins]
                node.left_out = max(0, node.turn - (0 if node.parent is None else self.nodes[node.parent].turn) - 1)

    def _read_between(self, tx: Transaction, segment: int, low: int, high: int, before: int | None) -> int | None:
        """Add the nodes between two positions of a segment, behind another node; return the last one then."""
        base = segment << POSITION_BITS
        ids = {"low": base + low, "high": base + high, **self._reader.visible}
        first = (row for rows in tx.pages(entry_statements.FIRST_MESSAGES, **ids) for row in rows)
        said = {row[0]: self._text(row) for row in first}
        node = None
        outline = (row for rows in tx.pages(entry_statements.OUTLINE, **ids) for row in rows)
        for id_, turn, kind, version, author, created_at in outline:
            if node is None or node.turn != turn or kind == USER:
                continues = before is not None and self.nodes[before].turn == turn and kind != USER
                node = Node(turn, before, continues, author=author, created_at=created_at)
                self._firsts[segment].append(position_of(id_))
                before = len(self.nodes)
                self.nodes.append(node)
            node.items += 1
            node.last = EntryId(id_, version)
            node.tool_calls += kind in {TOOL_CALL, HOSTED_TOOL_CALL}
            if id_ in said:
                node.said.append(Preview(kind, said[id_]))
        return before

    def node_at(self, segment: int, position: int) -> int | None:
        """Return the index of the last node up to a position that is seen from a segment."""
        at: int | None = segment
        found: int | None = None
        passed = []
        while at in self._firsts:
            number = bisect_right(self._firsts[at], position)
            if number:
                found = self._index[at] + number - 1
                break
            below, fork_position = self._seen.origins[at]
            if not self._firsts[at] and position >= fork_position:
                # Nothing of it is read: it is the same node for all that see the segment from its beginning.
                if at in self._nearest:
                    found = self._nearest[at]
                    break
                passed.append(at)
            at, position = below, min(position, fork_position)
        self._nearest.update(dict.fromkeys(passed, found))
        return found

    def reads(self, segment: int, position: int, turn: int) -> bool:
        """Tell whether the turn with an entry that is seen from a segment is read."""
        holder = self._holder(segment, position)
        return holder is None or self._reading.reads(holder, turn)

    def is_on(self, place: tuple[int, int], end: tuple[int, int]) -> bool:
        """Tell whether a way up to a place, both a segment and a position, goes through another place."""
        holder = self._holder(*place)
        return place[1] <= end[1] and (place[1] == 0 if holder is None else place[1] <= self._way(end).get(holder, 0))

    def _way(self, end: tuple[int, int]) -> dict[int, int]:
        """Return the highest position of each segment on the way up to an end, walked once however many ask."""
        way = self._ways.get(end)
        if way is None:
            way = self._ways[end] = {}
            at: int | None
            at, high = end
            while at in self._seen.highest:
                way[at] = high
                at, fork_position = self._seen.origins[at]
                high = min(high, fork_position)
        return way

    def _holder(self, segment: int, position: int) -> int | None:
        """Return the segment that holds the entry seen at a position from another one."""
        at: int | None = segment
        while at in self._seen.highest:
            at, fork_position = self._seen.origins[holder := at]
            if position > fork_position:
                return holder
        return None

    def _text(self, row: Row) -> str | None:
        try:
            return one_line(text_of(self._reader.open(row)), PREVIEW_LENGTH)
        except ValueError:
            return None


def find_said(node: Node, *kinds: str) -> Preview | None:
    """Return the first message of one of these kinds."""
    return next((preview for preview in node.said if preview.kind in kinds), None)

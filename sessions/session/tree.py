"""How a session's tree is drawn, in a terminal and elsewhere."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from sessions.items.kinds import ASSISTANT, USER
from sessions.items.text import one_line
from sessions.log.history.tree import find_said
from sessions.session.tree_layout import Order, is_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import ConsoleOptions, RenderResult

    from sessions.log.history.tree import End, Node, Preview, Tree
    from sessions.session.tree_layout import Fork

_LONGEST_NAME = 40
_HTML_WIDTH = 100
_LEAST_TEXT = 12
"""Columns that a message has at least; what is said of it gives way."""


class _Shapes(NamedTuple):
    turn: str
    current: str
    left: str
    down: str
    aside: str
    last: str
    answer: str
    end: str
    dot: str
    cut: str
    hidden: str


_UNICODE = _Shapes("●", "◉", "○", "│", "├─", "└─", "↳", "◂", "·", "…", "⋮")
_ASCII = _Shapes("*", "@", "o", "|", "|-", "`-", ">", "<", "-", "...", ":")


class _Page(io.StringIO):
    """Text that is for standard output."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding that it will have there."""
        return getattr(sys.stdout, "encoding", None) or "utf-8"


class TreeView:
    """A tree as something that rich can print, as wide as there is room."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        del console
        yield from _Drawing(self._tree, options).lines()

    def as_text(self) -> str:
        """Return the lines for standard output, without colours."""
        page = _Page()
        Console(file=page, color_system=None).print(self)
        return page.getvalue().removesuffix("\n")

    def as_html(self) -> str:
        """Return the lines as HTML that needs nothing else; messages are escaped."""
        console = Console(file=io.StringIO(), record=True, width=_HTML_WIDTH, force_jupyter=False)
        console.print(self)
        style = "white-space:pre;overflow-x:auto;line-height:normal;font-family:monospace"
        return console.export_html(inline_styles=True, code_format=f'<pre style="{style}">{{code}}</pre>')


class _Place(NamedTuple):
    """The place of a node: the text to its left in its first line, and below it."""

    node: int
    beside: str
    below: str


class _Drawing:
    """One way of drawing a tree: in a width and an encoding.

    Users' text enters it only through `Text.append`, which interprets no markup and no styles.
    """

    def __init__(self, tree: Tree, options: ConsoleOptions) -> None:
        self._tree = tree
        self._order = Order(tree)
        self._width = options.max_width
        self._encoding = options.encoding
        self._shapes = _ASCII if options.ascii_only else _UNICODE
        self._digits = len(str(max((node.turn for node in tree.nodes), default=0)))

    def lines(self) -> Iterator[Text]:
        """Yield a heading, and the lines of each node."""
        yield self._heading()
        beginning = self._order.after(None)
        if self._tree.ends or beginning.aside:
            yield from self._beginning(going_on=beginning != ([], None))
        # A stack instead of recursion: trees are as deep as conversations are long.
        waiting = self._places(beginning, "")
        folds = self._order.folds()
        while waiting:
            place = waiting.pop()
            if place.node in folds:
                hidden, after = folds[place.node]
                yield self._hidden(place, f"{_count(hidden, 'more turn')}")
                place = place._replace(node=after)
            elif self._tree.nodes[place.node].left_out:
                yield self._hidden(place, f"{_count(self._tree.nodes[place.node].left_out, 'turn')} not read")
            fork = self._order.after(place.node)
            yield from self._node(place, going_on=fork != ([], None))
            waiting += self._places(fork, place.below)

    def _hidden(self, place: _Place, what: str) -> Text:
        lead = Text(place.below + self._shapes.hidden, "dim")
        return self._line(lead.append(" " * (self._digits + 3)), Text(what, "dim italic"))

    def _places(self, fork: Fork, left: str) -> list[_Place]:
        """Return the places of a node's followers, the first one last."""
        shapes = self._shapes
        places = [_Place(index, left + shapes.aside, f"{left}{shapes.down} ") for index in fork.aside]
        if fork.straight is not None:
            places.append(_Place(fork.straight, left, left))
        elif places:
            places[-1] = _Place(fork.aside[-1], left + shapes.last, f"{left}  ")
        return places[::-1]

    def _heading(self) -> Text:
        nodes = self._tree.nodes
        counts = [
            _count(self._tree.branches, "branch", "branches"),
            _count(sum(not node.continues and node.turn > 0 for node in nodes), "turn"),
            _count(sum(node.items for node in nodes), "item"),
            *([f"{_count(self._tree.left_out, 'more turn')} not read"] if self._tree.left_out else []),
        ]
        name = Text(self._plain(one_line(self._tree.session_id, _LONGEST_NAME)), "bold")
        return self._line(Text(), name, "  " + f" {self._shapes.dot} ".join(counts))

    def _beginning(self, *, going_on: bool) -> Iterator[Text]:
        """Yield the lines for the beginning of the conversation, before the first turn."""
        lead = Text(self._shapes.current if is_read(self._tree.ends) else self._shapes.turn, "green")
        said = "the beginning" if going_on else "nothing has been said yet"
        yield self._line(lead.append(" "), Text(said, "dim italic"))
        yield from self._ends(self._tree.ends, Text(f"{self._shapes.down if going_on else ' '} ", "dim"))

    def _node(self, place: _Place, *, going_on: bool) -> Iterator[Text]:
        node, shapes = self._tree.nodes[place.node], self._shapes
        here, kept = is_read(node.ends), place.node in self._order.kept
        dim = "" if kept else "dim "
        lead = Text().append(place.beside, "dim")
        lead.append(
            shapes.current if here else shapes.turn if kept else shapes.left,
            "bold green" if here else "green" if place.node in self._order.read else f"{dim}blue",
        )
        lead.append(f" {node.turn:>{self._digits}}  ", f"{dim}cyan")
        rest = Text().append(place.below + (shapes.down if going_on else " "), "dim")
        rest.append(" " * (self._digits + 3))
        for text, remark in self._spoken(node, dim):
            yield self._line(lead, text, remark)
            lead = rest
        yield from self._ends(node.ends, rest)

    def _spoken(self, node: Node, dim: str) -> Iterator[tuple[Text, str]]:
        """Yield the first message of each side in a node, each with a remark; at least one line."""
        asked, answered = find_said(node, USER), find_said(node, ASSISTANT)
        opening = None if asked else find_said(node, "system", "developer")
        previews = [preview for preview in (asked, opening, answered) if preview]
        more = node.items - len(previews)
        counts = [_count(node.tool_calls, "tool call")] if node.tool_calls else []
        if more:
            counts.insert(0, _count(node.items, "item"))
        remark = ", ".join(counts)
        if not previews:
            yield Text(remark, f"{dim}italic"), ""
        for preview in previews:
            yield self._preview(preview, dim), f"  {self._shapes.dot} {remark}" if remark else ""
            remark = ""

    def _preview(self, preview: Preview, dim: str) -> Text:
        text = Text()
        if preview.kind == ASSISTANT:
            text.append(f"{self._shapes.answer} ", f"{dim}cyan")
        elif preview.kind != USER:
            text.append(f"{preview.kind}: ", f"{dim}italic")
        if preview.text:
            return text.append(self._plain(preview.text), f"{dim}bold" if preview.kind == USER else dim)
        return text.append("(cannot be read)" if preview.text is None else "(no text)", f"{dim}italic")

    def _ends(self, ends: list[End], lead: Text) -> Iterator[Text]:
        """Yield which branches end in a place and which ways were left there, in as many lines as that takes."""
        if not ends:
            return
        names = [self._end(end) for end in ends]
        line = Text(f"{self._shapes.end} ", "green")
        for name, more in zip(names, [*names[1:], None], strict=True):
            line.append_text(name)
            room = self._width - lead.cell_len
            if more is None or line.cell_len + more.cell_len + len(", ") > room:
                yield self._line(lead, line.append("" if more is None else ","))
                line = Text("  ")
            else:
                line.append(", ")

    def _end(self, end: End) -> Text:
        name = self._plain(one_line(end.branch, _LONGEST_NAME))
        if end.what == "branch":
            if end.current:
                return Text.assemble((name, "bold green"), (" (current)", "green"))
            return Text(name, "bold yellow")
        if end.current:
            return Text.assemble((f"attempt on {name}", "bold green"), (" (current)", "green"))
        return Text(f"undone on {name}" if end.what == "undone" else f"left by {name}", "dim italic")

    def _line(self, lead: Text, text: Text, remark: str = "") -> Text:
        """Return a line that fits; the text is cut for the remark behind it, unless too little of it would be left."""
        room = max(1, self._width - lead.cell_len)
        after = room - len(remark)
        if after < min(_LEAST_TEXT, text.cell_len):
            after, remark = room, ""
        if text.cell_len > after:
            text.truncate(max(0, after - len(self._shapes.cut)))
            text.append(self._shapes.cut)
        line = Text(no_wrap=True, overflow="crop", end="\n").append_text(lead).append_text(text)
        return line.append(remark, "dim")

    def _plain(self, text: str) -> str:
        """Return a text as far as the terminal's encoding has it."""
        return text.encode(self._encoding, "replace").decode(self._encoding)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

"""A session's tree as a flow chart in Mermaid's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.items.kinds import ASSISTANT
from sessions.items.text import one_line
from sessions.log.history.tree import find_said
from sessions.session.tree_layout import Order, is_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.log.history.tree import End, Node, Tree

_LONGEST: Final = 60
_PLAIN: Final = frozenset(" .,!?")


def to_mermaid(tree: Tree) -> str:
    """Return the chart. Each message is one escaped label, so nothing that was said is taken for the language."""
    return "\n".join(_lines(tree)) + "\n"


def _lines(tree: Tree) -> Iterator[str]:
    order = Order(tree)
    folds = order.folds()
    hidden: set[int] = set()
    yield "flowchart TD"
    yield f'    s(["{_escaped(one_line(tree.session_id, _LONGEST))}"])'
    yield from _tips("s", tree.ends)
    instead: dict[int, str] = {}
    for index, node in enumerate(tree.nodes):
        if index in hidden:
            if node.parent is not None:
                instead[index] = instead[node.parent]
            hidden.update(child for child in order.after(index).aside)
            continue
        parent = "s" if node.parent is None else instead.get(node.parent, f"n{node.parent}")
        if index in folds:
            count, after = folds[index]
            at: int | None = index
            while at is not None and at != after:
                hidden.add(at)
                instead[at] = f"f{index}"
                at = order.after(at).straight
            yield f'    f{index}["{count} more turns"]'
            yield f"    {parent} --> f{index}"
            continue
        yield f'    n{index}["{_label(node)}"]'
        more = f'-. "{node.left_out} turns not read" .->' if node.left_out else "-->"
        yield f"    {parent} {more} n{index}"
        if index in order.read:
            yield f"    class n{index} active"
        yield from _tips(f"n{index}", node.ends)
    yield "    classDef active stroke-width:3px"


def _label(node: Node) -> str:
    texts = [one_line(preview.text, _LONGEST) for preview in node.said[:1] if preview.text]
    answer = find_said(node, ASSISTANT)
    if answer and answer.text and answer is not node.said[0]:
        texts.append(one_line(answer.text, _LONGEST))
    return "<br>".join([f"{node.turn}. {_escaped(texts[0])}" if texts else f"{node.turn}.", *map(_escaped, texts[1:])])


def _tips(node: str, ends: list[End]) -> Iterator[str]:
    for number, end in enumerate(ends):
        said = {"branch": "", "undone": "undone on ", "left": "left by "}[end.what]
        current = " (current)" if is_read([end]) else ""
        if end.current and end.what == "left":
            said = "attempt on "
        yield f'    {node}t{number}(["{said}{_escaped(one_line(end.branch, _LONGEST))}{current}"])'
        yield f"    {node} --- {node}t{number}"


def _escaped(text: str) -> str:
    """Return a text in which Mermaid and Markdown take every character literally."""
    return "".join(one if one.isalnum() or one in _PLAIN else f"#{ord(one)};" for one in text)

"""The parts of a compiled filter, and the function that joins them into one test of an object's fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sessions.memory.filters.comparisons import MISSING

if TYPE_CHECKING:
    from sessions.memory.filters.comparisons import Test
    from sessions.memory.filters.forms import JSONForm

Getter: TypeAlias = Callable[[Any], Any]
"""Returns the value of a field of an object, or `MISSING`."""


class Need(NamedTuple):
    """A condition without which nothing matches, in a form that an index can use.

    Attributes:
        key: The field's name, as the filter has it.
        operator: ``"$eq"``, ``"$in"``, ``"$contains"``, ``"$gt"``, ``"$gte"``, ``"$lt"`` or ``"$lte"``.
        operand: The operand in its stored form.
    """

    key: str
    operator: str
    operand: Any


class Where(NamedTuple):
    """A condition of one field.

    Attributes:
        key: Its name.
        test: The test of its value.
        needs: The conditions that an index can use.
    """

    key: str
    test: Test
    needs: tuple[Need, ...] = ()


class Every(NamedTuple):
    """All of some nodes hold."""

    nodes: tuple[Node, ...]


class Some(NamedTuple):
    """At least one of some nodes holds."""

    nodes: tuple[Node, ...]


class Opposite(NamedTuple):
    """A node does not hold."""

    node: Node


Node: TypeAlias = Where | Every | Some | Opposite


def keys_of(node: Node) -> list[str]:
    """Return the names of the fields that are looked at, each once, in the order of the filter."""
    if isinstance(node, Where):
        return [node.key]
    if isinstance(node, Opposite):
        return keys_of(node.node)
    return list(dict.fromkeys(key for each in node.nodes for key in keys_of(each)))


def needs_of(node: Node) -> list[Need]:
    """Return conditions that hold for each match."""
    if isinstance(node, Where):
        return list(node.needs)
    if isinstance(node, Every):
        return [need for each in node.nodes for need in needs_of(each)]
    return []


def link(node: Node, getter_of: Callable[[str], Getter]) -> Test:
    """Return the test of an object, given how to get the value of a field of it."""
    if isinstance(node, Where):
        get, test = getter_of(node.key), node.test
        return lambda fields: test(get(fields))
    if isinstance(node, Opposite):
        linked = link(node.node, getter_of)
        return lambda fields: not linked(fields)
    tests = [link(each, getter_of) for each in node.nodes]
    return every(tests) if isinstance(node, Every) else some(tests)


def every(tests: Sequence[Test]) -> Test:
    """Return the test that all of some hold."""
    if len(tests) == 1:
        return tests[0]

    def test(value: Any) -> bool:
        for each in tests:  # noqa: SIM110 - half as long as all()
            if not each(value):
                return False
        return True

    return test


def some(tests: Sequence[Test]) -> Test:
    """Return the test that at least one of some holds."""
    return tests[0] if len(tests) == 1 else lambda value: any(each(value) for each in tests)


def getter_of_fields(form: JSONForm) -> Callable[[str], Getter]:
    """Return how to get a field of a decoded object: that of this very name, else the path at its dots."""

    def getter_of(key: str) -> Getter:
        if "." not in key:
            return lambda fields: fields.get(key, MISSING)
        walk = walker(key, form)
        head, _, _ = key.partition(".")

        def get(fields: dict[str, Any]) -> Any:
            value = fields.get(key, MISSING)
            return walk(fields.get(head, MISSING)) if value is MISSING else value

        return get

    return getter_of


def walker(key: str, form: JSONForm) -> Getter:
    """Return how to follow a path from its second step on; lists have no path."""
    _, *steps = key.split(".")

    def walk(value: Any) -> Any:
        for step in steps:
            fields = form.fields(value)
            if fields is None:
                return MISSING
            value = fields.get(step, MISSING)
        return value

    return walk

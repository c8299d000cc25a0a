"""Reads a filter: a dictionary of conditions becomes nodes, or an error that names the place in the filter."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from sessions.codecs.json import shown
from sessions.errors import InvalidFilterError
from sessions.memory.filters.comparisons import MISSING, ORDERS, equal_to, in_order, one_of
from sessions.memory.filters.nodes import (
    Every,
    Need,
    Opposite,
    Some,
    Where,
    every,
    getter_of_fields,
    link,
    some,
)
from sessions.validation import is_unicode

if TYPE_CHECKING:
    from sessions.memory.filters.comparisons import Test
    from sessions.memory.filters.forms import JSONForm
    from sessions.memory.filters.nodes import Node

MAX_DEPTH: Final = 16
MAX_CONDITIONS: Final = 256

_LOGICAL: Final = ("$and", "$or", "$not")
_OPERATORS: Final = ("$eq", "$ne", *ORDERS, "$in", "$nin", "$contains", "$exists", *_LOGICAL)


class _Condition(NamedTuple):
    """A condition of a value: its test, and its needs, as operators with operands."""

    test: Test
    needs: tuple[tuple[str, Any], ...] = ()


def read_filter(given: Any, form: JSONForm) -> Node:
    """Return a filter's node.

    Args:
        given: The caller's filter.
        form: The stored form of values.

    Raises:
        TypeError: It is not a dictionary.
        InvalidFilterError: It is not a filter.
    """
    if not isinstance(given, dict):
        raise TypeError(
            f"filter must be a dictionary, not {type(given).__name__}. Nothing was read. Write "
            'filter={"type": "fact"}.'
        )
    return _Reader(form).read(given, "filter", 1)


class _Reader:
    """Reads one filter."""

    def __init__(self, form: JSONForm) -> None:
        self._form = form
        self._getter_of = getter_of_fields(form)
        self._count = 0

    def read(self, given: dict[Any, Any], path: str, depth: int) -> Node:
        """Return the conditions of an object's fields."""
        names = self._begin(given, path, depth)
        if names:
            return Every(tuple(self._joined(name, given[name], f"{path}[{name!r}]", depth) for name in names))
        if not given:
            self._add(path)
        return Every(tuple(self._where(key, value, path, depth) for key, value in given.items()))

    def _where(self, key: str, given: Any, path: str, depth: int) -> Node:
        test, needs = self._condition(given, f"{path}[{shown(key)}]", depth)
        # The text of an enumeration's member is another one by `str`.
        field = str.__str__(key)
        return Where(field, test, tuple(Need(field, name, operand) for name, operand in needs))

    def _joined(self, name: str, given: Any, path: str, depth: int) -> Node:
        """Return filters of an object that are joined by an operator."""
        if name not in _LOGICAL:
            _refuse(path, f"compares a field, but {name!r} stands where a field's name belongs", _advice(name))
        if name == "$not":
            return Opposite(self.read(_dictionary(given, path), path, depth + 1))
        nodes = [
            self.read(_dictionary(each, f"{path}[{index}]"), f"{path}[{index}]", depth + 1)
            for index, each in enumerate(_list(given, path))
        ]
        self._add(path, not nodes)
        return (Every if name == "$and" else Some)(tuple(nodes))

    def _condition(self, given: Any, path: str, depth: int) -> _Condition:
        """Return the condition of a field's value: a value, operators, or a filter of an object."""
        if not isinstance(given, dict):
            return self._compared("$eq", given, path)
        names = self._begin(given, path, depth + 1)
        if not names:
            fields, matches = self._form.fields, link(self.read(given, path, depth + 1), self._getter_of)
            return _Condition(lambda value: (found := fields(value)) is not None and matches(found))
        conditions = [self._operator(name, given[name], f"{path}[{name!r}]", depth + 1) for name in names]
        needs = tuple(need for condition in conditions for need in condition.needs)
        return _Condition(every([condition.test for condition in conditions]), needs)

    def _operator(self, name: str, given: Any, path: str, depth: int) -> _Condition:
        if name == "$not":
            test = self._condition(_dictionary(given, path), path, depth).test
            return _Condition(lambda value: not test(value))
        if name not in _LOGICAL:
            return self._compared(name, given, path)
        conditions = [
            self._condition(_dictionary(each, f"{path}[{index}]"), f"{path}[{index}]", depth)
            for index, each in enumerate(_list(given, path))
        ]
        self._add(path, not conditions)
        tests = [condition.test for condition in conditions]
        if name == "$or":
            return _Condition(some(tests))
        return _Condition(every(tests), tuple(need for condition in conditions for need in condition.needs))

    def _compared(self, name: str, given: Any, path: str) -> _Condition:
        """Return a comparison of a value with an operand."""
        self._add(path)
        if name == "$exists":
            if not isinstance(given, bool):
                _refuse(path, f"is of type {type(given).__name__}", "Write True or False.")
            return _Condition(lambda value: (value is not MISSING) == given)
        if name in {"$in", "$nin"}:
            operands = [self._operand(each, f"{path}[{index}]") for index, each in enumerate(_list(given, path))]
            test = one_of(operands)
            return _Condition(test, ((name, operands),)) if name == "$in" else _Condition(_opposite(test))
        operand = self._operand(given, path)
        if name == "$contains":
            return _Condition(partial(_contains, self._form, equal_to(operand)), ((name, operand),))
        if name in ORDERS:
            return _Condition(in_order(name, operand, self._form), ((name, operand),))
        test = equal_to(operand)
        return _Condition(_opposite(test)) if name == "$ne" else _Condition(test, ((name, operand),))

    def _operand(self, given: Any, path: str) -> Any:
        try:
            return self._form.operand(given, path)
        except ValueError as error:
            raise InvalidFilterError(f"{error} Nothing was read.") from None

    def _begin(self, given: dict[Any, Any], path: str, depth: int) -> list[str]:
        """Check the keys of a dictionary, and return its operators: all of them, or none."""
        if depth > MAX_DEPTH:
            _refuse(f"{path[:100]}…", f"is nested deeper than {MAX_DEPTH} levels", "Write it with fewer levels.")
        operators = []
        for key in given:
            if not isinstance(key, str):
                _refuse(path, f"has a key of type {type(key).__name__}", "A field's name is text.")
            if not is_unicode(key):
                _refuse(f"{path}[{shown(key)}]", "contains a lone surrogate", "No field has such a name.")
            if key.startswith("$"):
                operators.append(str.__str__(key))
        for name in operators:
            if name not in _OPERATORS:
                _refuse(f"{path}[{shown(name)}]", "is no operator", f"The operators are {', '.join(_OPERATORS)}.")
        if operators and len(operators) < len(given):
            _refuse(path, "has operators and fields side by side", 'Join them: {"$and": [{…}, {…}]}.')
        return operators

    def _add(self, path: str, is_condition: object = True) -> None:  # noqa: FBT002 - private
        """Count a condition."""
        self._count += bool(is_condition)
        if self._count > MAX_CONDITIONS:
            _refuse(path[:100], f"is condition {self._count} of at most {MAX_CONDITIONS}", "Use $in for many values.")


def _contains(form: JSONForm, is_equal: Test, value: Any) -> bool:
    elements = form.elements(value)
    return elements is not None and any(is_equal(element) for element in elements)


def _opposite(test: Test) -> Test:
    return lambda value: not test(value)


def _dictionary(given: Any, path: str) -> dict[Any, Any]:
    if not isinstance(given, dict):
        _refuse(path, f"is of type {type(given).__name__}", "Write a dictionary of conditions.")
    return given


def _list(given: Any, path: str) -> list[Any]:
    if not isinstance(given, (list, tuple)):
        _refuse(path, f"is of type {type(given).__name__}", "Write a list.")
    return list(given)


def _advice(name: str) -> str:
    return f'Write {{"field": {{"{name}": …}}}}.'


def _refuse(path: str, fault: str, advice: str) -> NoReturn:
    raise InvalidFilterError(f"{path} {fault}. Nothing was read. {advice}")

"""The meaning of filters in plain Python, written once more without any of the compiled one's parts."""

from __future__ import annotations

from typing import Any, Final

_NOTHING: Final = object()


def matches(given: dict[str, Any], value: dict[str, Any]) -> bool:
    """Tell whether a memory's value matches a filter."""
    if "$and" in given or "$or" in given or "$not" in given:
        return all(_joined(name, operand, lambda one: matches(one, value)) for name, operand in given.items())
    return all(_holds(condition, _field(value, key)) for key, condition in given.items())


def _joined(name: str, operand: Any, holds: Any) -> bool:
    if name == "$and":
        return all(map(holds, operand))
    if name == "$or":
        return any(map(holds, operand))
    return not holds(operand)


def _field(value: dict[str, Any], key: str) -> Any:
    if key in value:
        return value[key]
    found: Any = value if "." in key else _NOTHING
    for step in key.split(".") if "." in key else []:
        found = found[step] if isinstance(found, dict) and step in found else _NOTHING
    return found


def _holds(condition: Any, value: Any) -> bool:
    if not isinstance(condition, dict):
        return same(condition, value)
    if not any(name.startswith("$") for name in condition):
        return isinstance(value, dict) and matches(condition, value)
    return all(_compared(name, operand, value) for name, operand in condition.items())


def _compared(name: str, operand: Any, value: Any) -> bool:  # noqa: PLR0911 - a line for each operator
    if name in {"$and", "$or", "$not"}:
        return _joined(name, operand, lambda one: _holds(one, value))
    if name in {"$ne", "$nin"}:
        return not _compared({"$ne": "$eq", "$nin": "$in"}[name], operand, value)
    if name == "$eq":
        return same(operand, value)
    if name == "$in":
        return any(same(one, value) for one in operand)
    if name == "$contains":
        return isinstance(value, list) and any(same(operand, one) for one in value)
    if name == "$exists":
        return (value is not _NOTHING) is operand
    if not any(_is(kinds, operand) and _is(kinds, value) for kinds in ((int, float), (str,))):
        return False
    return bool({"$gt": value > operand, "$gte": value >= operand, "$lt": value < operand}.get(name, value <= operand))


def _is(kinds: tuple[type, ...], value: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal, if true is no number."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)

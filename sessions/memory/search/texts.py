"""The texts of a value that search finds it by: those at some paths, or all of it.

Paths are those of LangGraph's stores: ``text``, ``user.name``, ``facts[0]``, ``facts[-1]``, ``facts[*].text``,
``*.text``, ``{title,body}``; and ``$``, which is the whole value: a line of its key and its text for each text, number
and truth value, in the order of the keys; of an object with nothing but one text, that text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WHOLE: Final = "$"
MAX_PATHS: Final = 64
MAX_PATH_BYTES: Final = 1024

_STEP: Final = re.compile(r"\[(-?\d{1,9}|\*)\]|\{([^{}\[\]]+)\}|([^.\[\]{}]+)")
_PATH: Final = re.compile(r"(?:\[(?:-?\d{1,9}|\*)\]|\{[^{}\[\]]+\}|[^.\[\]{}]+|\.(?=[^.\]}]))+")

_Step: TypeAlias = "str | int | tuple[_Path, ...] | None"
"""A name, an index, several paths, or ``None`` for all."""

_Path: TypeAlias = tuple[_Step, ...]


def check_paths(given: object, name: str) -> tuple[str, ...]:
    """Return paths as a caller gave them.

    Raises:
        TypeError: They are not a list or tuple of texts.
        ValueError: One of them is not a path, or they are too many.
    """
    if isinstance(given, str) or not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise TypeError(
            f"{name} must be a list of paths, not {type(given).__name__}. Nothing was done. Pass for example "
            '["text", "tags[*]"], or ["$"] for the whole value.'
        )
    if not 0 < len(given) <= MAX_PATHS:
        raise ValueError(f"{name} must have 1 to {MAX_PATHS} paths, got {len(given)}. Nothing was done. Pass fewer.")
    for path in given:
        if len(path.encode(errors="replace")) > MAX_PATH_BYTES or (path != WHOLE and not _PATH.fullmatch(path)):
            raise ValueError(
                f"{name} has {path[:80]!r}, which is no path. Nothing was done. Write for example text, user.name, "
                "facts[0], facts[*].text or $."
            )
    return tuple(given)


def texts_of(value: Any, paths: Sequence[str]) -> list[str]:
    """Return the texts of a value at some paths, without empty ones."""
    found = (text for path in paths for text in _at(value, path))
    return [text for text in found if text.strip()]


def _at(value: Any, path: str) -> Iterator[str]:
    if path == WHOLE:
        yield _whole(value)
    else:
        yield from _walk(value, _parse(path))


@lru_cache(256)
def _parse(path: str) -> _Path:
    steps: list[_Step] = []
    for index, names, name in _STEP.findall(path):
        if index:
            steps.append(None if index == "*" else int(index))
        elif names:
            steps.append(tuple(_parse(one.strip()) for one in names.split(",")))
        else:
            steps.append(None if name == "*" else name)
    return tuple(steps)


def _walk(value: Any, steps: _Path) -> Iterator[str]:
    if not steps:
        if value is not None:
            yield _text(value) if isinstance(value, str) else _whole(value)
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from _walk(one, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and -len(value) <= step < len(value):
            yield from _walk(value[step], rest)
    elif isinstance(step, tuple):
        for path in step:
            yield from _walk(value, path + rest)
    elif isinstance(value, dict) and step in value:
        yield from _walk(value[step], rest)


def _whole(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1 and isinstance(only := next(iter(value.values())), str):
        return _text(only)
    return "\n".join(_lines("", value))


def _lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key in sorted(value, key=_text):
            yield from _lines(_text(key), value[key])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _lines(name, one)
    elif value is not None and (text := _text(value)).strip():
        yield f"{name}: {text}" if name else text


def _text(value: Any) -> str:
    """Return a value's text: as it is stored, also if it is the member of an enumeration of texts."""
    return str.__str__(value) if isinstance(value, str) else str(value)

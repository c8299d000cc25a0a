"""The classes that stored state may name: LangGraph's safe list, LangChain's messages, and those of a graph's schema.

A name in a database is looked up in a table and never imported. The table's own modules are imported here, by names
that are written in LangGraph's and our code.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import sys
import types
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, get_args, get_type_hints, is_typeddict

import langchain_core.messages as langchain_messages
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Name: TypeAlias = tuple[str, str]
"""A class as stored state names it: its module and its name there."""

_SAME_MODULE: Final = {"pathlib._local": "pathlib"}
"""Modules of another version of Python, where the class has the same name."""

_WITH_CLASSES: Final = (list, set, tuple, dict, frozenset, types.UnionType)


def safe_name(name: Name) -> bool:
    """Tell whether LangGraph revives such a class in its strict mode, or it is a message of LangChain's."""
    return name in SAFE_MSGPACK_TYPES or name in _message_classes()


@functools.cache
def safe_class(name: Name) -> Callable[..., Any] | None:
    """Return a class of the safe list, or `re.compile`; ``None`` if its package is not installed here.

    Example: ``safe_class(("uuid", "UUID"))``
    """
    module, attribute = name
    try:
        found = getattr(importlib.import_module(_SAME_MODULE.get(module, module)), attribute, None)
    except ImportError:
        return None
    return found if callable(found) else None


def loaded_class(name: Name) -> type | None:
    """Return a class of a module that is loaded, for a name that the program itself gave; nothing is imported."""
    found = getattr(sys.modules.get(name[0]), name[1], None)
    return found if isinstance(found, type) else None


def classes_of(given: Iterable[Any]) -> dict[Name, type | None]:
    """Return the classes in types, fields included: dataclasses, models, enums, named tuples, and others by themselves.

    Example: ``classes_of([State, Preferences])``

    Args:
        given: Classes, annotations of them such as ``list[Preferences]``, ``TypedDict`` schemas, and pairs of a module
            and a name. The class of a pair is looked up when it is needed, so its value is ``None`` here.

    Raises:
        TypeError: One is something else.
    """
    found: dict[Name, type | None] = {}
    seen: set[int] = set()
    for one in given:
        if isinstance(one, tuple) and len(one) == 2 and all(isinstance(part, str) for part in one):  # noqa: PLR2004 - a pair
            found.setdefault(one, None)
        elif isinstance(one, str) or not (isinstance(one, type) or get_args(one) or hasattr(one, "__supertype__")):
            raise TypeError(
                f"types must contain classes, or pairs of a module and a name, not {type(one).__name__}. Nothing was "
                "opened. Pass for example types=[Preferences]."
            )
        else:
            for cls in _classes_in(one, seen):
                found[cls.__module__, cls.__name__] = cls
    return found


def _classes_in(annotation: Any, seen: set[int]) -> Iterator[type]:
    """Yield the classes of an annotation and of its fields, as LangGraph derives them from a schema."""
    if id(annotation) in seen:
        return
    seen.add(id(annotation))
    if hasattr(annotation, "__supertype__"):  # A NewType.
        yield from _classes_in(annotation.__supertype__, seen)
    elif arguments := get_args(annotation):
        # The rest of an Annotated is no type, as in Annotated[list, add_messages].
        for one in arguments[:1] if getattr(annotation, "__metadata__", None) else arguments:
            yield from _classes_in(one, seen)
    elif isinstance(annotation, type) and annotation not in (Annotated, *_WITH_CLASSES):
        if not is_typeddict(annotation) and annotation.__module__ != "builtins":
            yield annotation
        if _has_fields(annotation):
            for field in _hints(annotation).values():
                yield from _classes_in(field, seen)


def _has_fields(cls: type) -> bool:
    if issubclass(cls, Enum):
        return False
    kinds = ("model_fields", "__fields__", "_fields")
    return is_typeddict(cls) or dataclasses.is_dataclass(cls) or any(hasattr(cls, kind) for kind in kinds)


def _hints(cls: type) -> dict[str, Any]:
    try:
        return get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - a name that is only there for type checkers; its class can be listed by itself
        return {}


@functools.cache
def _message_classes() -> frozenset[Name]:
    base = langchain_messages.BaseMessage
    exported = (getattr(langchain_messages, name, None) for name in langchain_messages.__all__)
    return frozenset(
        (one.__module__, one.__name__) for one in exported if isinstance(one, type) and issubclass(one, base)
    )

"""Tags of exceptions: the class, its arguments, its notes and its attributes.

A traceback, a cause and a context are of the process in which it was raised, and are not kept. Neither are the hints
that the interpreter adds for its own messages: the attributes of `AttributeError`, `NameError` and `ImportError`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from sessions.codecs.plus.tags import Tag
from sessions.codecs.plus.values import expect

_PARTS: Final = frozenset({"args", "notes", "attributes"})
_NOTES: Final = "__notes__"


def tag_of_error(kind: type[BaseException], name: str) -> Tag:
    """Return the tag of an exception class.

    Raises:
        TypeError: It keeps something where it cannot be found: in slots.
    """
    if any(base.__dict__.get("__slots__") for base in kind.__mro__):
        raise TypeError(
            f"{kind.__name__} is an exception with __slots__, whose values would be lost. No codec was made. "
            "Remove its __slots__, or store a dictionary."
        )
    return Tag(name, kind, _write, partial(_read, kind), is_proven=False)


def _write(error: BaseException) -> dict[str, Any]:
    attributes = dict(vars(error))
    notes = attributes.pop(_NOTES, None)
    form: dict[str, Any] = {"args": list(_arguments(error))}
    if notes is not None:
        form["notes"] = notes
    if attributes:
        form["attributes"] = attributes
    return form


def _arguments(error: BaseException) -> tuple[Any, ...]:
    """Return the arguments that make the error again. `OSError` takes file names, but keeps them elsewhere."""
    args = error.args
    if isinstance(error, OSError) and len(args) == 2 and error.filename is not None:  # noqa: PLR2004 - errno, text
        args = (*args, error.filename)
        if error.filename2 is not None:
            args = (*args, None, error.filename2)
    return args


def _read(kind: type[BaseException], form: Any) -> BaseException:
    parts = expect(dict, form)
    if not parts.keys() <= _PARTS:
        raise ValueError
    args = expect(list, parts["args"])
    error = kind.__new__(kind, *args)
    if type(error) is not kind:
        raise TypeError  # `OSError` makes a `FileNotFoundError` of the number that says so.
    # Not the class's own __init__, which may take other arguments than it hands on, but that of Python's class below
    # it, which keeps some of the arguments where only C finds them.
    _builtin_base(kind).__init__(error, *args)
    attributes = expect(dict, parts.get("attributes", {}))
    if not all(_may_be_set(kind, name) for name in attributes):
        raise ValueError
    vars(error).update(attributes)
    for note in expect(list, parts.get("notes", [])):
        error.add_note(note)
    return error


def _builtin_base(kind: type[BaseException]) -> type[BaseException]:
    return next(base for base in kind.__mro__ if base.__module__ == "builtins" and issubclass(base, BaseException))


def _may_be_set(kind: type, name: str) -> bool:
    """Tell whether data may set an attribute: none that Python itself uses or that would hide a method."""
    return not name.startswith("__") and not callable(getattr(kind, name, None))

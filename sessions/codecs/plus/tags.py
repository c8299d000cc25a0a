"""Tagged values: values that JSON lacks, written inside JSON and read back.

A value that JSON lacks is an object with one key, which begins with the mark: ``{"~date": "2026-01-01"}``. The key
names the tag, and its value is the tag's form, which may contain tagged values again. A caller's own dictionary that
looks like this gets a second mark: ``{"~date": 1}`` is written as ``{"~~date": 1}``.

The mark is not the customary ``$``, because items hold JSON Schema (as those of type ``mcp_list_tools`` do), and
``{"$ref": "…"}`` must keep its meaning, also where `JSONCodec` wrote it before. And one search for one rare byte tells
that a payload holds nothing to do here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.codecs.json import MAX_DEPTH, NotJSONError, as_plain, shown
from sessions.errors import UndecodableItemError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MARK: Final = "~"
MAX_NAME_LENGTH: Final = 200
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


class Tag(NamedTuple):
    """How the values of one class are written and read.

    Attributes:
        name: The text after the mark.
        type: The class; instances of its subclasses are not meant.
        write: Makes a value's form: JSON in which values for other tags may be. Raises `RefusedError` for a value that
            it cannot keep.
        read: Makes the value of the form, in which the other tags' values have been made. Any exception means that the
            form is wrong.
        is_ordered: Whether a form that is a list has an order. If not, it is a set's: it is written in one that depends
            on the elements only, and no set may be inside, as comparing nested sets takes the product of their sizes.
        is_proven: Whether every value that `write` accepts is known to be read back equal. If not, it is read back
            before it is stored.
    """

    name: str
    type: type
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    is_ordered: bool = True
    is_proven: bool = True


class RefusedError(Exception):
    """A value cannot be written.

    Attributes:
        reason: Why, as in "is of type complex, which …".
        steps: The way to it, from the inside out.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[Any] = []

    def about(self, path: str) -> str:
        """Return the fault, with its place below `path`."""
        for step in reversed(self.steps):
            path += f"[{shown(step)}]"
            if len(path) > MAX_NAME_LENGTH:
                path = f"{path[:MAX_NAME_LENGTH]}…"
                break
        return f"{path} {self.reason}"


class Writer:
    """Makes plain JSON of values with tags, once or more often.

    Attributes:
        has_unproven: Whether there was a value of which it is not known that it can be read back.
    """

    def __init__(self, tags: Mapping[type, Tag]) -> None:
        self._tags = tags
        self._is_in_set = False
        self.has_unproven = False

    def write(self, value: Any, depth: int = 0) -> Any:
        """Return `value` as JSON, but for faults that `JSONCodec` finds: numbers, keys and texts that JSON lacks.

        Raises:
            RefusedError: A value has no tag, or its tag cannot keep it.
        """
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is dict:
            return self._write_dict(value, depth)
        if kind is list:
            return self._write_list(value, depth)
        tag = self._tags.get(kind)
        if tag is None:
            return self.write(_plain(value), depth)
        outside, self._is_in_set = self._is_in_set, self._is_in_set or not tag.is_ordered
        if outside and not tag.is_ordered:
            raise RefusedError(f"is a {tag.name} inside another set. Make it a list or a tuple.")
        form = self.write(_form(tag, value), depth + 1)
        self._is_in_set = outside
        if not tag.is_ordered:
            form.sort(key=_in_order)
        self.has_unproven |= not tag.is_proven
        return {MARK + tag.name: form}

    def _write_dict(self, value: dict[Any, Any], depth: int) -> dict[Any, Any]:
        _check_depth(depth)
        written = {}
        key = None
        try:
            for key, child in value.items():
                written[key] = child if type(child) is str else self.write(child, depth + 1)
        except RefusedError as refused:
            refused.steps.append(key)
            raise
        if len(written) == 1 and isinstance(key, str) and str.startswith(key, MARK):
            return {MARK + str.__str__(key): written[key]}
        return written

    def _write_list(self, value: list[Any], depth: int) -> list[Any]:
        _check_depth(depth)
        written: list[Any] = []
        try:
            for child in value:
                written.append(child if type(child) is str else self.write(child, depth + 1))  # noqa: PERF401 - its length is the place
        except RefusedError as refused:
            refused.steps.append(len(written))
            raise
        return written


class Reader:
    """Makes values with tags of plain JSON."""

    def __init__(self, tags: Mapping[str, Tag]) -> None:
        self._tags = tags

    def read(self, value: Any, *, in_set: bool = False) -> Any:
        """Return the value that a list or dictionary represents. It is changed in place, so no other code may hold it.

        Raises:
            UndecodableItemError: A tag is unknown, or its form is wrong.
            RecursionError: It is nested too deeply.
        """
        if type(value) is list:
            for index, child in enumerate(value):
                if type(child) is dict or type(child) is list:
                    value[index] = self.read(child, in_set=in_set)
            return value
        if len(value) == 1:
            [(key, form)] = value.items()
            if key.startswith(MARK):
                return self._read_tagged(key.removeprefix(MARK), form, in_set=in_set)
        for key, child in value.items():
            if type(child) is dict or type(child) is list:
                value[key] = self.read(child, in_set=in_set)
        return value

    def _read_tagged(self, name: str, form: Any, *, in_set: bool) -> Any:
        tag = None if name.startswith(MARK) else self._find(name)
        is_set = tag is not None and not tag.is_ordered
        if is_set and in_set:
            raise UndecodableItemError(f"the stored item has a set inside a set under the tag {shown(name)}")
        if type(form) is dict or type(form) is list:
            form = self.read(form, in_set=in_set or is_set)
        return {name: form} if tag is None else self._make(tag, form)

    def _find(self, name: str) -> Tag:
        tag = self._tags.get(name)
        if tag is None:
            raise UndecodableItemError(
                f"the stored item has a value with the tag {shown(name)}, which this codec does not know; if it "
                "is a class of yours, list it: PlusCodec(types=…)"
            )
        return tag

    def _make(self, tag: Tag, form: Any) -> Any:
        try:
            return tag.read(form)
        except Exception:  # noqa: BLE001 - constructors of users' classes may raise anything
            # Neither the error's text nor its traceback is shown: both may have contents in them.
            raise UndecodableItemError(
                f"the stored item has an invalid value under the tag {shown(tag.name)}"
            ) from None


def _form(tag: Tag, value: Any) -> Any:
    try:
        return tag.write(value)
    except RefusedError:
        raise
    except Exception as error:  # noqa: BLE001 - attributes of users' objects may raise anything
        raise RefusedError(
            f"is of type {tag.type.__name__}, and reading its attributes raised {type(error).__name__}. "
            "Convert it before adding it."
        ) from None


def _plain(value: Any) -> Any:
    try:
        return as_plain(value)
    except NotJSONError:
        name = type(value).__name__
        raise RefusedError(
            f"is of type {name}, which this codec does not write. If it is an enumeration, a dataclass, a "
            f"named tuple, a pydantic model or an exception, list it: PlusCodec(types=[…, {name}])."
        ) from None


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise RefusedError(
            f"is nested deeper than {MAX_DEPTH} levels, including tags, or contains itself. Store less depth."
        )


_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def _in_order(written: Any) -> bytes:
    """Return the sort key of a set's elements: their JSON with sorted keys, byte by byte."""
    try:
        return _encode_sorted(written)
    except (TypeError, ValueError):
        return b""  # It is not JSON, and will be refused.

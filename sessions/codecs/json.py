"""Exact JSON: every item is read back equal to the stored one, and any other item is refused.

A payload is plain JSON in UTF-8, as any tool can read it. `msgspec` writes and reads it; it keeps integers of any size.
But like every fast encoder it is lenient: it turns ``NaN`` into ``null``, bytes and dates into text, tuples and
sets into lists. So each item is walked first, and only JSON's own types pass. The walk costs a tenth of a
microsecond for each value; for common items less than the encoding.
"""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from sessions.codecs.remedies import TEXT, for_item, for_value
from sessions.errors import InvalidItemError
from sessions.validation import is_unicode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

MAX_DEPTH = 256
"""How deeply lists and dictionaries may be nested. Python's own recursion limit leaves room for this many on any
reasonable stack, on writing and on reading."""

_SHOWN_KEY_LENGTH = 40


class ObjectTexts(list[bytes]):
    """Payloads of which each is known to begin with ``{`` and to end with ``}``, and may be no JSON all the same."""


def is_object_text(payload: bytes) -> bool:
    """Tell whether a payload may be one of `ObjectTexts`."""
    return payload[:1] == b"{" and payload[-1:] == b"}"


class JSONCodec:
    """Items as plain JSON.

    Args:
        refused: Classes whose instances are refused although they equal a plain value, as members of a `StrEnum` do:
            those that another codec keeps as they are.
    """

    joint = "\nnull\nnull\n"
    """What payloads are joined with that are to be decoded at once: see `decode_joined`."""

    def __init__(self, refused: Collection[type] = ()) -> None:
        self._check = _checker(_unless(frozenset(refused))) if refused else _check

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        """Return each item's payload.

        Raises:
            InvalidItemError: An item is not a JSON object. The message names the item by its index and the place in
                it.
        """
        payloads = []
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                raise InvalidItemError(
                    f"items[{index}] is of type {type(item).__name__}, but an item must be a dict. {for_item(item)}"
                )
            try:
                self._check(item, 0)
                payloads.append(_encode(item))
            except (NotJSONError, ValueError, RecursionError):
                # The fast walk only detects a fault; the slow one finds its place and kind.
                raise InvalidItemError(_reason(item, f"items[{index}]")) from None
        return payloads

    def decode_all(self, payloads: Iterable[bytes]) -> list[dict[str, Any]]:
        """Return the items of payloads that are strict JSON.

        Raises:
            ValueError: One of them is not; `decode` may still read it.
        """
        if not isinstance(payloads, ObjectTexts):
            try:
                return list(map(decode_strictly, payloads))
            except RecursionError:
                raise ValueError("a payload is nested too deeply") from None
        # An eighth faster. A line ends with a brace and the next one begins with one, between which JSON wants a comma;
        # and a line's end is in no string. So none goes on in the next line, and if there are as many as lines, each
        # line is one.
        items = _decode_lines(b"\n".join(payloads))
        if len(items) != len(payloads):
            raise ValueError("a payload is several objects")
        return items

    def decode_joined(self, joined: bytes, count: int) -> list[dict[str, Any]]:
        """Return the items of `count` payloads that are strict JSON, with `joint` between them.

        Two values without a comma between them are nowhere inside of one, and a line's end is in no string; so none
        goes on beyond a joint. Then each joint gives two nulls, and if the rest are exactly `count` objects, each
        payload is one.

        Raises:
            ValueError: One of them is not; `decode` may still read it.
        """
        if not count:
            return []
        found = _decode_lines(joined)
        items, nulls = found[::3], [None] * (count - 1)
        if len(found) != 3 * count - 2 or not found[1::3] == found[2::3] == nulls or None in items:
            raise ValueError("a payload is no object, or several")
        return items

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return the item of a payload.

        Raises:
            ValueError: The payload is not a JSON object.
        """
        try:
            return decode_strictly(payload)
        except (msgspec.DecodeError, RecursionError):
            return _decode_lenient(payload)

    def digest(self, items: Sequence[Any]) -> bytes:
        """Return 32 bytes that identify a list of items, regardless of the order of keys.

        SHA-256 over each item's length (8 bytes, big endian) and its JSON with sorted keys.
        """
        import hashlib  # noqa: PLC0415 - few sessions need it, and it is slow to import

        digest = hashlib.sha256()
        for item in items:
            payload = _encode_sorted(item)
            digest.update(len(payload).to_bytes(8, "big"))
            digest.update(payload)
        return digest.digest()


def _decode_lines(lines: bytes) -> list[Any]:
    """Return all values, which are objects or null, with white space or nothing between them."""
    try:
        return _read_lines(lines)
    except RecursionError:
        raise ValueError("a payload is nested too deeply") from None


def _decode_lenient(payload: bytes) -> dict[str, Any]:
    """Read a payload with Python's own `json`, which also accepts NaN, infinities and lone surrogates.

    We never write those, but the OpenAI Agents SDK does, and its sessions are taken over as they are.
    """
    try:
        item = json.loads(payload)
    except RecursionError:
        raise ValueError("the payload is nested too deeply") from None
    if not isinstance(item, dict):
        raise ValueError("the payload is JSON but not an object")  # noqa: TRY004 - it is data, not an argument
    return item


class NotJSONError(Exception):
    """The walk met a value that is not JSON's own."""


def _checker(plain: Callable[[object], Any]) -> Callable[[Any, int], None]:  # noqa: C901 - as `check`
    """Return a walk that converts instances of subclasses of JSON's types with a function."""

    def check(value: Any, depth: int) -> None:  # noqa: C901 - one flat walk; calls would double its cost
        """Raise `NotJSONError` unless `value`, a dictionary, list or scalar, is exactly JSON.

        Subclasses of JSON's types pass where they equal the plain value that is read back.
        """
        kind = type(value)
        if kind is dict:
            if depth >= MAX_DEPTH:
                raise NotJSONError
            for key, child in value.items():
                if type(key) is not str and not isinstance(key, str):
                    raise NotJSONError
                if type(child) is not str:  # The most common value needs no call.
                    check(child, depth + 1)
        elif kind is list:
            if depth >= MAX_DEPTH:
                raise NotJSONError
            for child in value:
                if type(child) is not str:
                    check(child, depth + 1)
        elif kind is float:
            if not math.isfinite(value):
                raise NotJSONError
        elif kind is not str and kind is not int and kind is not bool and value is not None:
            check(plain(value), depth)

    return check


def as_plain(value: object) -> Any:
    """Return an instance of a subclass of one of JSON's types as that type; raise `NotJSONError` if it is not equal."""
    for kind, convert in _PLAIN.items():
        if isinstance(value, kind):
            plain = convert(value)
            if plain == value:
                return plain
    raise NotJSONError


def _unless(refused: frozenset[type]) -> Callable[[object], Any]:
    """Return `as_plain`, but for some classes."""

    def plain(value: object) -> Any:
        if type(value) in refused:
            raise NotJSONError
        return as_plain(value)

    return plain


# The conversions that a subclass cannot redefine: str() of a string enumeration is its name, not its value.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    dict: dict,
    list: list,
}
_check = _checker(as_plain)
_encode = msgspec.json.Encoder(enc_hook=as_plain).encode
_encode_sorted = msgspec.json.Encoder(enc_hook=as_plain, order="sorted").encode
_read_lines = msgspec.json.Decoder(dict[str, Any] | None).decode_lines
decode_strictly: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode
"""Reads an object of strict JSON; raises `msgspec.DecodeError`, a `ValueError`, or `RecursionError`."""


def _reason(item: object, path: str) -> str:
    """Return the fault that keeps `item` from being JSON, with its place and a remedy."""
    try:
        return _explain(item, path, ()) or f"{path} cannot be written as JSON. Convert it to plain values."
    except RecursionError:
        return f"{path} is nested too deeply for the remaining stack. Store less depth."


def _explain(value: Any, path: str, parents: tuple[Any, ...]) -> str:
    """Walk like `_check`, but return the first fault in words; an empty text if there is none."""
    if any(value is parent for parent in parents):
        return f"{path} contains itself. Remove the cycle."
    if len(parents) >= MAX_DEPTH and isinstance(value, (dict, list)):
        return f"{path[:200]}… is nested deeper than {MAX_DEPTH} levels. Store less depth."
    if fault := _fault(value):
        return f"{path} {fault}"
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for step, child in children:
        if found := _explain(child, f"{path}[{shown(step)}]", (*parents, value)):
            return found
    return ""


def _fault(value: Any) -> str:  # noqa: PLR0911 - one line for each fault
    """Return the fault of a value itself, ignoring its children."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                return f"has a key of type {type(key).__name__}, but JSON keys are strings. Convert it with str()."
            if not is_unicode(key):
                return f"has a key that contains a lone surrogate, which is not Unicode text. {TEXT}"
    if isinstance(value, str) and not is_unicode(value):
        return f"contains a lone surrogate, which is not Unicode text. {TEXT}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {float(value)}, which JSON does not have. Store None or text instead."
    if isinstance(value, int) and not _is_printable(value):
        return (
            f"is an integer of more than {sys.get_int_max_str_digits()} digits, which Python refuses to "
            "write. Store it as hex()."
        )
    if value is not None and type(value) not in (bool, *_PLAIN):
        try:
            as_plain(value)
        except NotJSONError:
            return f"is of type {type(value).__name__}, which JSON does not have. {for_value(value)}"
    return ""


def _is_printable(number: int) -> bool:
    try:
        str(number)
    except ValueError:
        return False
    return True


def shown(step: str | int) -> str:
    """Return a key or an index as it is shown in a path: keys come from callers and may be long."""
    if isinstance(step, str) and len(step) > _SHOWN_KEY_LENGTH:
        step = step[: _SHOWN_KEY_LENGTH - 1] + "…"
    return repr(step)

"""Objects as parts, by any serializer with LangGraph's interface: ``dumps_typed`` and ``loads_typed``.

A part begins with one byte that says how it was serialized: a number of `_KINDS`, or 255, a length and a name. Then
come the serializer's bytes. The part of a dictionary's pair has the key before that, with its length in 4 bytes.

Small scalars in long lists are packed: a part of kind 254 has several of them, as one msgpack array. So a list of a
thousand numbers has a part for each 64.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from sessions.checkpoints.values import DICT, LIST, ONE, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Typed: TypeAlias = tuple[str, bytes]
Dumps: TypeAlias = "Callable[[Any], Typed]"
Loads: TypeAlias = "Callable[[Typed], Any]"

_KINDS: Final = ("msgpack", "null", "bytes", "bytearray", "json", "pickle")
_NUMBERS: Final = {kind: bytes((number,)) for number, kind in enumerate(_KINDS)}
_MSGPACK: Final = 0
_MSGPACK_PART: Final = bytes((_MSGPACK,))
_NULL: Final = 1
_PACKED: Final = 254
_NAMED: Final = 255
_KEY_BYTES: Final = 4
_AT_ONCE: Final = 64
"""Scalars in a part, at most."""

_LONG_TEXT: Final = 64
"""Texts of so many characters are parts of their own."""

_INTEGERS: Final = 1 << 63
_ARRAY: Final = b"\xdd"
"""How a msgpack array with a length of 4 bytes begins."""

_HEADS: Final = {0xDC: 3, 0xDD: 5}
"""The bytes before the items of arrays that are not short, by the first."""

_SPLIT_FROM: Final = 4
"""Items from which on a list is serialized at once."""

_ALONE: Final = (bytes, bytearray, str, int, type(None))
"""What a serializer has other kinds for than msgpack, and what is packed: such items are serialized one by one."""

_raws: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
_NIL: Final = b"\xc0"
_data: Final = itemgetter(slice(1, None))
"""Returns the serializer's bytes of a part."""

_scalars: Final = msgspec.msgpack.Decoder(list[int | str | bool | None]).decode
"""Reads a packed part. Its types are exact: of others, msgspec follows any depth that a database names."""


def encode(value: Any, dumps: Dumps, before: Value | None = None) -> Value:
    """Return the parts of a value: of a list or a dictionary with keys of text each item, of anything else one.

    Only for a serializer that writes equal values as equal bytes; for others there is `single`.

    Args:
        value: The value. Subclasses of list and dict are one part: their serializer knows their class.
        dumps: Returns the kind and the bytes of an object.
        before: A value that this one may begin with, as a list that grows does: it is split faster then.
    """
    if type(value) is list and value:
        return _split(value, dumps, before) or Value(LIST, list(_items(value, dumps)))
    if type(value) is dict and len(value) > 1 and all(type(key) is str for key in value):
        return Value(DICT, [_key(key) + _part(dumps(item)) for key, item in value.items()])
    return single(value, dumps)


def single(value: Any, dumps: Dumps) -> Value:
    """Return a value as one part."""
    return Value(ONE, [_part(dumps(value))])


def decode(value: Value, loads: Loads) -> Any:
    """Return the object that a value was made of.

    Raises:
        ValueError: `encode` does not make such parts; or an error of `loads`.
    """
    shape, parts = value.shape, value.parts
    try:
        if shape == LIST:
            return list(loads(("msgpack", value.data))) if value.data is not None else _list(parts, loads)
        if shape == DICT:
            return dict(_pair(part, loads) for part in parts)
        (part,) = parts
        return loads(typed_of(part))
    except (IndexError, msgspec.DecodeError) as error:
        raise ValueError("a value's parts are damaged") from error


def typed_of(part: bytes) -> Typed:
    """Return the kind and the bytes of a part of one object."""
    kind = part[0]
    if kind == _NAMED:
        end = 2 + part[1]
        return part[2:end].decode(), part[end:]
    return _KINDS[kind], part[1:]


def key_of(part: bytes) -> bytes:
    """Return the beginning of the part of a dictionary's pair: its key, with its length."""
    return part[: _KEY_BYTES + int.from_bytes(part[:_KEY_BYTES], "big")]


def _part(typed: Typed) -> bytes:
    kind, data = typed
    number = _NUMBERS.get(kind)
    if number is not None:
        return number + data
    name = kind.encode()
    if len(name) > _NAMED:
        raise ValueError(
            f"a serializer calls its format by a name of {len(name)} bytes. Nothing was stored. Use at most {_NAMED}."
        )
    return bytes((_NAMED, len(name))) + name + data


def _key(key: str) -> bytes:
    text = key.encode("utf-8", "surrogatepass")
    return len(text).to_bytes(_KEY_BYTES, "big") + text


def _split(values: list[Any], dumps: Dumps, before: Value | None) -> Value | None:
    """Return a list that is serialized at once; ``None`` if one of its items may be another part so.

    A call of the serializer for each item takes several times as long.
    """
    if len(values) < _SPLIT_FROM or any(issubclass(kind, _ALONE) for kind in set(map(type, values))):
        return None
    kind, data = dumps(values)
    if kind != "msgpack":
        return None
    parts = _grown(data, len(values), before)
    if parts is None:
        items = _raws.decode(data)
        if len(items) != len(values):
            return None
        parts = [_MSGPACK_PART + item for item in items]
    return Value(LIST, parts, data)


def _grown(data: bytes, count: int, before: Value | None) -> list[bytes] | None:
    """Return the parts of a list that begins with all of another one, as its bytes do; ``None`` if it does not.

    Comparing these takes a small part of the time of splitting them.
    """
    if before is None or before.data is None or not data.startswith(before.data[_head(before.data) :], _head(data)):
        return None
    added = count - len(before.parts)
    rest = data[_head(data) + len(before.data) - _head(before.data) :]
    items = _raws.decode(_ARRAY + added.to_bytes(4, "big") + rest)
    return before.parts + [_MSGPACK_PART + item for item in items]


def _head(data: bytes) -> int:
    """Return how many bytes of a msgpack array come before its items."""
    return _HEADS.get(data[0], 1)


def _items(values: list[Any], dumps: Dumps) -> Iterator[bytes]:
    at, count = 0, len(values)
    while at < count:
        if not _is_scalar(values[at]):
            yield _part(dumps(values[at]))
            at += 1
            continue
        end = at + 1
        while end < count and end - at < _AT_ONCE and _is_scalar(values[end]):
            end += 1
        if end - at == 1:
            yield _part(dumps(values[at]))
        else:
            yield bytes((_PACKED,)) + msgspec.msgpack.encode(values[at:end])
        at = end


def _is_scalar(value: Any) -> bool:
    """Tell whether a value is the same in any msgpack, and short."""
    kind = type(value)
    if kind is int:
        return bool(-_INTEGERS <= value < _INTEGERS)
    if kind is str:
        return len(value) < _LONG_TEXT and value.isascii()
    return value is None or value is True or value is False


def _list(parts: list[bytes], loads: Loads) -> list[Any]:
    kinds = {part[0] for part in parts}
    if kinds <= {_MSGPACK, _NULL}:
        # One array, read at once, and joined at once: each copy of so many bytes takes as long as reading them.
        items = map(_data, parts) if _NULL not in kinds else [_NIL if part[0] else _data(part) for part in parts]
        return list(loads(("msgpack", b"".join([_ARRAY, len(parts).to_bytes(4, "big"), *items]))))
    if _PACKED not in kinds:
        return [loads(typed_of(part)) for part in parts]
    found: list[Any] = []
    for part in parts:
        if part[0] == _PACKED:
            found += _scalars(part[1:])
        else:
            found.append(loads(typed_of(part)))
    return found


def _pair(part: bytes, loads: Loads) -> tuple[str, Any]:
    key = key_of(part)
    return key[_KEY_BYTES:].decode("utf-8", "surrogatepass"), loads(typed_of(part[len(key) :]))

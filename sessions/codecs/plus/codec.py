"""JSON, plus other values that Python programs keep in items: times, decimals, bytes, sets, tuples, users' own classes.

`docs/serialization.md` has the forms. Nothing is pickled, and no name in stored data is ever imported: reading creates
only values of the Python types named there and of classes that the caller has listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sessions.codecs.json import JSONCodec, decode_strictly
from sessions.codecs.plus.classes import tag_of_class
from sessions.codecs.plus.tags import MARK, MAX_NAME_LENGTH, Reader, RefusedError, Tag, Writer
from sessions.codecs.plus.values import VALUES
from sessions.errors import InvalidItemError, UndecodableItemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ALWAYS: Final = {tag.name: tag for tag in VALUES}
_ALWAYS_TYPES: Final = {tag.type: tag for tag in _ALWAYS.values()}
_MARK: Final = ord(MARK)
_MARKED_KEY: Final = f'"{MARK}'.encode()


class PlusCodec:
    """A codec for items that contain more than JSON does. Plain JSON is stored exactly as `JSONCodec` stores it.

    Example: ``session = SQLiteSession("user_123", "chat.db", codec=PlusCodec(types=[Order]))``

    Args:
        types: Your classes that items may contain: enumerations, dataclasses, named tuples, pydantic models,
            exceptions. Their stored tags are their names (`__name__`), or the keys of a mapping: with a mapping, data
            stays readable when a class is renamed. A class with several keys is written with the first, and read with
            all.

    Raises:
        TypeError: A class is of another kind, or is not a class.
        ValueError: Two classes have the same tag, or a tag is taken or not allowed.
    """

    joint = JSONCodec.joint

    def __init__(self, types: Iterable[type] | Mapping[str, type] = ()) -> None:
        tags, by_type = dict(_ALWAYS), dict(_ALWAYS_TYPES)
        own = set()
        for name, kind in _named(types):
            if name in tags:
                raise ValueError(
                    f"the tag {name!r} of {_place(kind)} is already the tag of {_place(tags[name].type)}. No codec "
                    f"was made. Choose another one: types={{'tag': class}}."
                )
            if kind in _ALWAYS_TYPES:
                raise ValueError(f"{kind.__name__} is always allowed. No codec was made. Remove it from types=….")
            tags[name] = tag_of_class(kind, name)
            by_type.setdefault(kind, tags[name])
            own.add(kind)
        self._types: dict[type, Tag] = by_type
        self._reader = Reader(tags)
        self._json = JSONCodec(refused=own)
        self._encode_plain = self._json.encode_all

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        """Return each item's payload.

        Example: ``payloads = PlusCodec().encode_all(items)``

        Raises:
            InvalidItemError: An item is not a dictionary, or contains a value that cannot be stored. The message gives
                the item's index, the place in it, and the type.
        """
        try:
            payloads = self._encode_plain(items)
        except InvalidItemError:
            return self._encode_tagged(items)
        for payload in payloads:
            if _MARK in payload and payload.find(_MARKED_KEY) >= 0:
                return self._encode_tagged(items)
        return payloads

    def decode_all(self, payloads: Iterable[bytes]) -> list[dict[str, Any]]:
        """Return the items of payloads that are strict JSON.

        Example: ``items = codec.decode_all(payloads)``

        Raises:
            ValueError: A payload is not strict JSON, which `decode` may still read; or it cannot be read.
        """
        try:
            # Payloads without the mark's byte need no work. Walking through the others, even if the byte is only in a
            # text, costs less than searching for more than one byte.
            return [
                self._read(decode_strictly(payload)) if _MARK in payload else decode_strictly(payload)
                for payload in payloads
            ]
        except RecursionError:
            raise UndecodableItemError("a stored item is nested too deeply") from None

    def decode_joined(self, joined: bytes, count: int) -> list[dict[str, Any]]:
        """Return the items of `count` payloads that are strict JSON, joined by `joint`.

        Example: ``items = codec.decode_joined(codec.joint.encode().join(payloads), len(payloads))``

        Raises:
            ValueError: A payload is not strict JSON, which `decode` may still read; or it cannot be read.
        """
        items = self._json.decode_joined(joined, count)
        return list(map(self._read, items)) if _MARK in joined else items

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return the item of a payload.

        Example: ``item = codec.decode(payloads[0])``

        Raises:
            ValueError: The payload is not a JSON object.
            UndecodableItemError: It has an unknown tag, or a value that does not fit its tag. The message names the
                tag, never its content. It is also a `ValueError`.
        """
        item = self._json.decode(payload)
        return self._read(item) if _MARK in payload else item

    def digest(self, items: Sequence[Any]) -> bytes:
        """Return 32 bytes that identify a list of items, regardless of the order of keys and of sets' elements.

        Example: ``digest = codec.digest(items)``

        It is `JSONCodec`'s digest of the items' stored forms, and so the same for plain JSON.
        """
        writer = Writer(self._types)
        return self._json.digest([writer.write(item) for item in items])

    def _read(self, written: dict[str, Any]) -> dict[str, Any]:
        try:
            item = self._reader.read(written)
        except RecursionError:
            raise UndecodableItemError("the stored item is nested too deeply") from None
        if type(item) is not dict:
            raise UndecodableItemError(f"what is stored is of type {type(item).__name__}, and no item")
        return item

    def _encode_tagged(self, items: Sequence[Any]) -> list[bytes]:
        written, unproven = [], []
        for index, item in enumerate(items):
            writer = Writer(self._types)
            try:
                # The JSON codec refuses everything that is not a dictionary.
                written.append(writer.write(item) if isinstance(item, dict) else item)
            except RefusedError as refused:
                raise InvalidItemError(refused.about(f"items[{index}]")) from None
            except RecursionError:
                raise InvalidItemError(
                    f"items[{index}] is nested too deeply for the remaining stack. Store less depth, or add it from a "
                    "less deep call."
                ) from None
            if writer.has_unproven:
                unproven.append(index)
        payloads = self._json.encode_all(written)
        for index in unproven:
            self._prove(payloads[index], index)
        return payloads

    def _prove(self, payload: bytes, index: int) -> None:
        """Refuse an item that reading would change: constructors and validators of users' classes may alter values."""
        try:
            again = self._json.encode_all([Writer(self._types).write(self.decode(payload))])
        except (RefusedError, RecursionError, ValueError) as error:
            why = f": {error}" if isinstance(error, UndecodableItemError) else ""
            raise InvalidItemError(
                f"items[{index}] could not be read back{why}. Make its classes restore what they store."
            ) from None
        if again != [payload]:
            raise InvalidItemError(
                f"items[{index}] would not be read back unchanged: one of the classes in types=… makes another "
                "object from its stored values. Make its constructor and validators keep the values."
            )


def _named(types: Iterable[type] | Mapping[str, type]) -> list[tuple[str, type]]:
    """Return classes with their tags."""
    if isinstance(types, type):
        raise TypeError(
            f"types must be a list of classes, not one class. No codec was made. Write types=[{types.__name__}]."
        )
    named = list(types.items()) if isinstance(types, Mapping) else [(_name(kind), kind) for kind in types]
    for name, kind in named:
        _name(kind)
        if not isinstance(name, str):
            raise TypeError(
                f"a tag must be a string, not {type(name).__name__}. No codec was made. Write types={{'tag': class}}."
            )
        if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable() or name.startswith(MARK):
            raise ValueError(
                f"the tag of {_place(kind)} must be printable text of 1 to {MAX_NAME_LENGTH} characters that does "
                f"not begin with {MARK!r}. No codec was made. Write types={{'tag': class}} with such a tag."
            )
    return named


def _name(kind: object) -> str:
    if not isinstance(kind, type):
        raise TypeError(
            f"types must be classes, or a mapping of tags to classes, not {type(kind).__name__}. No codec was "
            "made. Pass the class itself, not an object of it."
        )
    return kind.__name__


def _place(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"

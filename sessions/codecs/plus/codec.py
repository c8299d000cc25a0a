"""JSON, and beside it what Python's programs keep in items: times, decimals, bytes, sets, tuples, users' own classes.

`docs/serialization.md` has the forms. Nothing is pickled, and no name in stored data is ever imported: reading makes
values of Python's types named there and of classes that the caller has listed, and of no others.
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
    """Items that may hold more than JSON does. What is plain JSON is written as `JSONCodec` writes it.

    Args:
        types: The classes of yours that items may hold: enumerations, dataclasses, named tuples, pydantic models,
            exceptions. Their tags are their names (`__name__`), or the keys of a mapping: with one, data stays readable
            when a class is renamed. A class that has several keys is written with the first, and read with all.

    Raises:
        TypeError: A class is of another kind, or no class.
        ValueError: Two classes have the same tag, or a tag is taken or no name.
    """

    joint = JSONCodec.joint

    def __init__(self, types: Iterable[type] | Mapping[str, type] = ()) -> None:
        tags, by_type = dict(_ALWAYS), dict(_ALWAYS_TYPES)
        own = set()
        for name, kind in _named(types):
            if name in tags:
                raise ValueError(
                    f"the tag {name!r} is taken by {_place(tags[name].type)}; give {_place(kind)} another one: "
                    "types={'tag': class}"
                )
            if kind in _ALWAYS_TYPES:
                raise ValueError(f"{kind.__name__} is always allowed; leave it out")
            tags[name] = tag_of_class(kind, name)
            by_type.setdefault(kind, tags[name])
            own.add(kind)
        self._types: dict[type, Tag] = by_type
        self._reader = Reader(tags)
        self._json = JSONCodec(refused=own)
        self._encode_plain = self._json.encode_all

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        """Return each item's payload.

        Raises:
            InvalidItemError: An item is not a dictionary, or holds what cannot be kept. The message names the item by
                its index, the place in it, and the type.
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

        Raises:
            ValueError: One of them is not, and `decode` may still read it; or it cannot be read.
        """
        try:
            # Without the mark's byte there is nothing to do. A walk through what has it, perhaps in a text only, costs
            # less than a search for more than one byte.
            return [
                self._read(decode_strictly(payload)) if _MARK in payload else decode_strictly(payload)
                for payload in payloads
            ]
        except RecursionError:
            raise UndecodableItemError("a stored item is nested too deeply") from None

    def decode_joined(self, joined: bytes, count: int) -> list[dict[str, Any]]:
        """Return the items of `count` payloads that are strict JSON, with `joint` between them.

        Raises:
            ValueError: One of them is not, and `decode` may still read it; or it cannot be read.
        """
        items = self._json.decode_joined(joined, count)
        return list(map(self._read, items)) if _MARK in joined else items

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return the item of a payload.

        Raises:
            ValueError: The payload is not a JSON object.
            UndecodableItemError: It is, but has a tag that is not known, or something else than the tag says. The
                message names the tag, never what is in it. It is a `ValueError`, too.
        """
        item = self._json.decode(payload)
        return self._read(item) if _MARK in payload else item

    def digest(self, items: Sequence[Any]) -> bytes:
        """Return what tells one list of items from another, however keys and the elements of sets are ordered.

        It is `JSONCodec`'s digest of the items' written forms, and so the same for plain JSON.
        """
        writer = Writer(self._types)
        return self._json.digest([writer.write(item) for item in items])

    def _read(self, written: dict[str, Any]) -> dict[str, Any]:
        try:
            item = self._reader.read(written)
        except RecursionError:
            raise UndecodableItemError("the stored item is nested too deeply") from None
        if type(item) is not dict:
            raise UndecodableItemError(f"the stored item is a {type(item).__name__}, and no item")
        return item

    def _encode_tagged(self, items: Sequence[Any]) -> list[bytes]:
        written, unproven = [], []
        for index, item in enumerate(items):
            writer = Writer(self._types)
            try:
                # What is no dictionary at all is for the JSON codec to refuse.
                written.append(writer.write(item) if isinstance(item, dict) else item)
            except RefusedError as refused:
                raise InvalidItemError(refused.about(f"items[{index}]")) from None
            except RecursionError:
                raise InvalidItemError(f"items[{index}] is nested too deeply for what is left of the stack") from None
            if writer.has_unproven:
                unproven.append(index)
        payloads = self._json.encode_all(written)
        for index in unproven:
            self._prove(payloads[index], index)
        return payloads

    def _prove(self, payload: bytes, index: int) -> None:
        """Refuse what would not come back: constructors and validators of users' classes may change values."""
        try:
            again = self._json.encode_all([Writer(self._types).write(self.decode(payload))])
        except (RefusedError, RecursionError, ValueError) as error:
            why = f": {error}" if isinstance(error, UndecodableItemError) else ""
            raise InvalidItemError(f"items[{index}] could not be read back{why}") from None
        if again != [payload]:
            raise InvalidItemError(
                f"items[{index}] would not be read back as it is: one of the classes in types=… makes another object "
                "of the values that its object holds"
            )


def _named(types: Iterable[type] | Mapping[str, type]) -> list[tuple[str, type]]:
    """Return classes with their tags."""
    if isinstance(types, type):
        raise TypeError(f"types must be a list of classes; write types=[{types.__name__}]")
    named = list(types.items()) if isinstance(types, Mapping) else [(_name(kind), kind) for kind in types]
    for name, kind in named:
        _name(kind)
        if not isinstance(name, str):
            raise TypeError(f"a tag is text, not {type(name).__name__}")
        if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable() or name.startswith(MARK):
            raise ValueError(
                f"the tag of {_place(kind)} must be printable text of 1 to {MAX_NAME_LENGTH} characters that does not "
                f"begin with {MARK!r}"
            )
    return named


def _name(kind: object) -> str:
    if not isinstance(kind, type):
        raise TypeError(f"types must be classes, or a mapping of tags to classes, not {type(kind).__name__}")
    return kind.__name__


def _place(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"

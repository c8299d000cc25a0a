"""The stored forms of values: how a codec's payloads are taken apart, so that filters can compare their parts.

`JSONCodec` stores plain JSON. `PlusCodec` stores JSON with tagged values, ``{"~date": "2026-01-01"}``, in which a
caller's own key may have a second mark. Any other codec's payloads are read by that codec, and compared as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.codecs.json import JSONCodec, decode_strictly

if TYPE_CHECKING:
    from sessions.codecs import Codec

_PLACE: Final = "items[0]['']"
"""Where codecs see an operand, as their errors name it."""

_LISTS: Final = frozenset({"~tuple", "~set", "~frozenset"})
_ORDERED: Final = frozenset({"~datetime", "~date", "~time", "~timedelta", "~decimal"})


class JSONForm:
    """Values as `JSONCodec` stores them."""

    mark: str | None = None
    """The character with which keys begin that are not stored as they are."""

    is_json = True
    """Whether payloads are JSON, of which a part can be decoded."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def operand(self, value: Any, path: str) -> Any:
        """Return the stored form of a filter's operand.

        Args:
            value: The operand.
            path: Its place in the filter, for errors.

        Raises:
            ValueError: It cannot be stored, so that no memory could have it.
        """
        if type(value) is float:
            return value  # An infinity is a bound, though it cannot be stored.
        try:
            return self._stored(value)
        except ValueError as error:
            raise ValueError(str(error).replace(_PLACE, path)) from None

    def _stored(self, value: Any) -> Any:
        [payload] = self._codec.encode_all([{"": value}])
        return decode_strictly(payload)[""]

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return a payload's fields, in their stored form.

        Raises:
            ValueError: It is not an object.
        """
        return decode_strictly(payload)

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the fields of a stored object; ``None`` if the value is something else, or missing."""
        return value if type(value) is dict else None

    def elements(self, value: Any) -> list[Any] | None:
        """Return the elements of a stored list; ``None`` if the value is something else, or missing."""
        return value if type(value) is list else None

    def comparable(self, value: Any) -> Any:
        """Return a value that has an order among those of its type; ``None`` if it has none."""
        return value if type(value) is str or type(value) is int or type(value) is float else None


class TaggedForm(JSONForm):
    """Values as `PlusCodec` stores them."""

    mark = "~"

    def decode(self, payload: bytes) -> dict[str, Any]:  # noqa: D102 - as above
        return self.fields(decode_strictly(payload)) or {}

    def fields(self, value: Any) -> dict[str, Any] | None:  # noqa: D102 - as above
        if type(value) is not dict:
            return None
        if len(value) == 1:
            [(key, form)] = value.items()
            if key.startswith("~~"):
                return {key[1:]: form}
            if key.startswith("~"):
                return None
        return value

    def elements(self, value: Any) -> list[Any] | None:  # noqa: D102 - as above
        if type(value) is dict and len(value) == 1:
            [(key, form)] = value.items()
            return form if key in _LISTS else None
        return super().elements(value)

    def comparable(self, value: Any) -> Any:  # noqa: D102 - as above
        if type(value) is dict and len(value) == 1 and not _ORDERED.isdisjoint(value):
            return self._codec.decode(msgspec.json.encode({"": value}))[""]
        return super().comparable(value)


class ForeignForm(JSONForm):
    """Values of a codec of the caller's own, as it decodes them."""

    is_json = False

    def _stored(self, value: Any) -> Any:
        [payload] = self._codec.encode_all([{"": value}])
        return self._codec.decode(payload)[""]

    def decode(self, payload: bytes) -> dict[str, Any]:  # noqa: D102 - as above
        item: dict[str, Any] = self._codec.decode(payload)
        return item

    def comparable(self, value: Any) -> Any:  # noqa: D102 - as above
        return None if isinstance(value, (bool, dict, list)) else value


def form_of(codec: Codec) -> JSONForm:
    """Return the stored form of a codec's values."""
    if isinstance(codec, JSONCodec):
        return JSONForm(codec)
    from sessions.codecs.plus.codec import PlusCodec  # noqa: PLC0415 - most programs store plain JSON

    return TaggedForm(codec) if isinstance(codec, PlusCodec) else ForeignForm(codec)

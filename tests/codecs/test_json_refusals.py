"""What is not JSON is refused, with the item and the place in it, and without its content."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from sessions import InvalidItemError
from sessions.codecs.json import MAX_DEPTH, JSONCodec

from .json_values import nested

codec = JSONCodec()

CANARY = "canary-5f2c"


class Colour(Enum):
    RED = CANARY


class PlainObject:
    def __repr__(self) -> str:
        return CANARY


NOT_JSON: dict[str, tuple[Any, str]] = {
    "nan": (math.nan, "is nan, which JSON does not have"),
    "infinity": (math.inf, "is inf, which JSON does not have"),
    "minus infinity": (-math.inf, "is -inf, which JSON does not have"),
    "bytes": (CANARY.encode(), "is of type bytes"),
    "bytearray": (bytearray(CANARY.encode()), "is of type bytearray"),
    "datetime": (datetime(2026, 1, 1, tzinfo=UTC), "is of type datetime"),
    "set": ({CANARY}, "is of type set"),
    "frozenset": (frozenset({CANARY}), "is of type frozenset"),
    "tuple": ((CANARY,), "is of type tuple"),
    "uuid": (UUID(int=1), "is of type UUID"),
    "decimal": (Decimal(1), "is of type Decimal"),
    "enum": (Colour.RED, "is of type Colour"),
    "complex": (1j, "is of type complex"),
    "generator": ((x for x in CANARY), "is of type generator"),
    "class": (PlainObject, "is of type type"),
    "object": (PlainObject(), "is of type PlainObject"),
    "int key": ({1: CANARY}, "has a key of type int"),
    "None key": ({None: CANARY}, "has a key of type NoneType"),
    "bytes key": ({CANARY.encode(): 1}, "has a key of type bytes"),
    "lone surrogate": (CANARY + "\ud800", "contains a lone surrogate"),
    "low surrogate": ("\udfff" + CANARY, "contains a lone surrogate"),
    "pair of surrogates": ("\ud83d\ude00" + CANARY, "contains a lone surrogate"),
    "surrogate key": ({"\udcff": CANARY}, "has a key that contains a lone surrogate"),
    "surrogate key and text": ({"ok": CANARY, "\udcff": "\udcff"}, "has a key that contains a lone surrogate"),
}


def refusal(items: list[Any]) -> str:
    with pytest.raises(InvalidItemError) as caught:
        codec.encode_all(items)
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__, "a traceback shows no other error"
    return str(caught.value)


# Fails without: codecs/json.py, `raise NotJSONError` (in `as_plain`) for types; `if not math.isfinite(value):` for
# numbers; `if type(key) is not str and not isinstance(key, str):` for keys; `UnicodeEncodeError` in `encode_all`
@pytest.mark.parametrize(("value", "why"), NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_value_that_is_not_json_is_refused_with_its_place(value: Any, why: str) -> None:
    good = {"role": "user", "content": CANARY}

    message = refusal([good, {"content": [CANARY, {"text": value}]}, good])

    assert message.startswith(f"items[1]['content'][1]['text'] {why}")
    assert CANARY not in message


@pytest.mark.parametrize(
    ("item", "type_"),
    [(CANARY, "str"), ([CANARY], "list"), (None, "NoneType"), (1, "int"), ((CANARY,), "tuple"), (b"{}", "bytes")],
    ids=lambda value: type(value).__name__,
)
def test_an_item_is_a_dict(item: object, type_: str) -> None:
    assert refusal([{}, item]).startswith(f"items[1] is of type {type_}, but an item must be a dict. ")


# Fails without: codecs/json.py, `step = step[: _SHOWN_KEY_LENGTH - 1] + "…"`
def test_a_long_key_is_shortened_in_the_place() -> None:
    message = refusal([{"k" * 1000 + CANARY: {"inner": math.nan}}])

    assert message.startswith(f"items[0]['{'k' * 39}…']['inner'] is nan")
    assert CANARY not in message


def test_the_first_fault_is_the_one_that_is_named() -> None:
    assert refusal([{"a": 1}, {"b": math.inf, "c": math.nan}, {"d": math.nan}]).startswith("items[1]['b'] is inf")


def circular(shape: str) -> tuple[dict[str, Any], str]:
    item: dict[str, Any] = {"role": "user"}
    if shape == "dict":
        item["self"] = item
        return item, "items[0]['self'] contains itself. Remove the cycle."
    inner: list[Any] = []
    item["list"] = inner
    if shape == "list":
        inner.append(inner)
        return item, "items[0]['list'][0] contains itself. Remove the cycle."
    # Wide: a walk that only counted levels would visit 1000 ** 256 places.
    inner.extend([item] * 1000)
    return item, "items[0]['list'][0] contains itself. Remove the cycle."


# Fails without: codecs/json.py, `if any(value is parent for parent in parents):`
@pytest.mark.parametrize("shape", ["dict", "list", "wide"])
def test_what_contains_itself_is_refused(shape: str) -> None:
    item, message = circular(shape)

    assert refusal([item]) == message


# Fails without: codecs/json.py, `if depth >= MAX_DEPTH:` (twice)
@pytest.mark.parametrize("levels", [MAX_DEPTH, 10 * MAX_DEPTH, 100_000])
@pytest.mark.parametrize("in_lists", [True, False], ids=["in lists", "in dicts"])
def test_what_is_nested_too_deeply_is_refused(levels: int, *, in_lists: bool) -> None:
    message = refusal([nested(levels, CANARY, in_lists=in_lists)])

    assert message.startswith("items[0]['value']")
    assert message.endswith("levels. Store less depth.") or "too deep" in message
    assert len(message) < 300
    assert CANARY not in message


# Fails without: codecs/json.py, `RecursionError` in `encode_all`
def test_on_an_almost_exhausted_stack_an_item_is_encoded_or_refused_but_never_altered() -> None:
    item = nested(40, CANARY, in_lists=True)
    [expected] = codec.encode_all([item])
    refused = 0

    def with_frames_left(frames: int) -> bytes:
        """Call the codec from a stack on which so many more calls fit."""

        def descend() -> bytes | None:
            try:
                found = descend()
            except RecursionError:
                return None
            if found is not None:
                return found
            nonlocal frames
            frames -= 1
            return codec.encode_all([item])[0] if frames == 0 else None

        return descend() or b""

    for frames in range(8, 60):
        try:
            assert with_frames_left(frames) == expected
        except InvalidItemError as error:
            refused += 1
            assert str(error) == "items[0] is nested too deeply for the remaining stack. Store less depth."  # noqa: PT017

    assert refused


def test_an_integer_beyond_pythons_limit_of_digits_is_refused_with_its_place() -> None:
    assert refusal([{"n": [10**5000]}]).startswith("items[0]['n'][0] ")

"""Which classes a codec keeps, and what it says to those that it does not."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable  # noqa: TC003 - pydantic looks at annotations
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import IntFlag, StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import TZPATH, ZoneInfo

import pytest
from pydantic import BaseModel, BeforeValidator

from sessions import InvalidItemError, UndecodableItemError
from sessions.codecs.json import JSONCodec
from sessions.codecs.plus.codec import PlusCodec

from .plus_values import Colour, Level, Mode, Plain, Point, Role, ToolError, identical

CANARY = "canary-5f2c"


@dataclass
class Order:
    number: int
    note: str = CANARY


class Blue(StrEnum):
    SKY = CANARY


class Late(datetime):
    pass


class OwnZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        return CANARY


class Size(NamedTuple):
    width: int


class Bits(IntFlag):
    ONE = 1


@dataclass
class Doubling:
    number: int

    def __post_init__(self) -> None:
        self.number *= 2


@dataclass
class Choosy:
    number: int

    def __post_init__(self) -> None:
        if self.number > 1:
            raise LookupError(CANARY)


class Splitting(BaseModel):
    words: Annotated[list[str], BeforeValidator(lambda text: text.split())]


@dataclass
class Bare:
    value: Any = field(init=False)

    @property
    def broken(self) -> Any:
        raise ValueError(CANARY)


class Hiding(Exception):  # noqa: N818 - it is about its attributes
    def __init__(self, note: str) -> None:
        super().__init__()
        self.add_note = note  # type: ignore[assignment, method-assign]


def refusal(codec: PlusCodec, value: Any) -> str:
    item = {"content": [CANARY, {"inside": (value,)}]}
    with pytest.raises(InvalidItemError) as caught:
        codec.encode_all([{}, item])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "a traceback shows no other error"
    assert CANARY not in str(caught.value)
    return str(caught.value)


# Fails without: codecs/plus/tags.py, `refused.steps.append(…)` and `_plain`
@pytest.mark.parametrize(
    "value",
    [
        Order(1),
        Colour.RED,
        Point(1),
        ToolError(1, CANARY),
        Splitting.model_validate({"words": CANARY}),
        Late(2026, 1, 1),
        1j,
        Order,
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_listed_is_refused_with_its_place_and_type(value: Any) -> None:
    name = type(value).__name__

    message = refusal(PlusCodec(), value)

    assert message.startswith(f"items[1]['content'][1]['inside'][0] is of type {name}, which this codec does not write")
    assert message.endswith(f"list it: PlusCodec(types=[…, {name}]).")


UNKEEPABLE: dict[str, tuple[Any, str]] = {
    "time zone": (datetime(2026, 1, 1, tzinfo=OwnZone()), "has a time zone of type OwnZone"),
    "zone of a file": (None, "has a ZoneInfo without a key in the tz database"),
    "flag": (Mode(1024), "has bits without a name in Mode"),
    "many elements": (set(range(1025)), "has more than 1,024 elements that are not text"),
    "a set in a set": ({(1, frozenset())}, "is a frozenset inside another set"),
    "inside a set": ({(1, object())}, "is of type object"),
    "inside a dataclass": (Plain(Order(1)), "is of type Order"),
}


@pytest.mark.parametrize(("value", "why"), UNKEEPABLE.values(), ids=UNKEEPABLE.keys())
def test_what_cannot_be_kept_is_refused(value: Any, why: str) -> None:
    if value is None:
        found = next(path for folder in TZPATH if (path := Path(folder, "Europe/Berlin")).exists())
        with found.open("rb") as file:
            value = datetime(2026, 1, 1, tzinfo=ZoneInfo.from_file(file))

    assert why in refusal(PlusCodec([Mode, Plain]), value)


# Fails without: codecs/plus/tags.py, `_check_depth(depth)` for the first; codecs/plus/codec.py, the JSON codec's own
# checks
def test_faults_of_json_are_refused_beside_tags() -> None:
    circle: list[Any] = []
    circle.append((circle,))
    codec = PlusCodec()
    assert refusal(codec, circle).endswith("levels, including tags, or contains itself. Store less depth.")
    assert refusal(codec, math.nan).endswith("is nan, which JSON does not have. Store None or text instead.")
    assert "has a key of type int, but JSON keys are strings. " in refusal(codec, {1: 2})
    assert "contains a lone surrogate, which is not Unicode text. Make it valid" in refusal(codec, "\ud800")
    with pytest.raises(InvalidItemError, match=r"^items\[1\] is of type tuple, but an item must be a dict"):
        codec.encode_all([{"a": ()}, ()])


# Fails without: codecs/plus/codec.py, `self._prove(payloads[index], index)`
@pytest.mark.parametrize(
    "value",
    [Doubling(1), Choosy(1), Splitting.model_validate({"words": "a b"}), Hiding(CANARY)],
    ids=lambda value: type(value).__name__,
)
def test_what_its_own_class_would_not_make_again_is_refused_before_it_is_stored(value: Any) -> None:
    if isinstance(value, Choosy):
        value.number = 2
    kind = type(value)

    with pytest.raises(InvalidItemError, match="read back") as caught:
        PlusCodec([kind]).encode_all([{}, {"a": value}])

    assert str(caught.value).startswith("items[1] ")
    assert CANARY not in str(caught.value)


def test_subclasses_of_jsons_types_are_plain_values_unless_they_are_listed() -> None:
    item = {"a": [Role.USER, Level.HIGH, OrderedDict(b=Blue.SKY)], Role.USER: (Role.USER,)}

    [plain] = PlusCodec().encode_all([item])
    listed = PlusCodec([Role, Level])
    [tagged] = listed.encode_all([item])

    assert plain.decode() == '{"a":["user",3,{"b":"canary-5f2c"}],"user":{"~tuple":["user"]}}'
    expected = {"a": [Role.USER, Level.HIGH, {"b": "canary-5f2c"}], "user": (Role.USER,)}
    assert identical(listed.decode(tagged), expected)


# Fails without: codecs/json.py, `if type(value) in refused:`
def test_a_listed_subclass_is_found_in_an_item_that_is_otherwise_plain() -> None:
    codec = PlusCodec([Role])

    [payload] = codec.encode_all([{"role": Role.USER}])

    assert payload == b'{"role":{"~Role":"USER"}}'
    assert codec.decode(payload)["role"] is Role.USER
    assert JSONCodec().encode_all([{"role": Role.USER}]) == [b'{"role":"user"}']


def test_a_tag_of_its_own_outlives_the_name_of_a_class() -> None:
    @dataclass
    class Purchase:
        number: int
        note: str = ""
        added_later: int = 5

    [payload] = PlusCodec([Order]).encode_all([{"a": Order(1, "n")}])
    codec = PlusCodec({"order": Purchase, "Order": Purchase})

    assert codec.decode(payload) == {"a": Purchase(1, "n", 5)}
    assert codec.encode_all([{"a": Purchase(1)}]) == [b'{"a":{"~order":{"number":1,"note":"","added_later":5}}}']


def test_another_name_of_a_member_stays_readable() -> None:
    assert PlusCodec([Colour]).decode(b'{"a":{"~Colour":"CRIMSON"}}') == {"a": Colour.RED}


UNSEEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "tuple and list": lambda item: {**item, "a": (1,)},
    "set and frozenset": lambda item: {**item, "a": frozenset({1})},
    "zone and offset": lambda item: {**item, "a": datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))},
    "text": lambda item: {**item, "a": "2026-01-01T00:00:00+00:00"},
    "looks like it": lambda item: {**item, "a": {"~datetime": "2026-01-01T00:00:00+00:00"}},
}


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN.keys())
def test_other_types_have_another_digest(change: Callable[[dict[str, Any]], Any]) -> None:
    codec = PlusCodec()
    for value in ([1], {1}, datetime(2026, 1, 1, tzinfo=UTC)):
        item = {"a": value}
        assert codec.digest([item]) != codec.digest([change(item)])


# Fails without: codecs/plus/tags.py, `form.sort(key=_in_order)`
def test_the_order_of_a_set_and_of_keys_does_not_matter() -> None:
    codec = PlusCodec()
    names = [f"name {number}" for number in range(50)]
    one, other = set(names), set()
    for name in reversed(names):
        other.add(name)

    script = f"from sessions.codecs.plus.codec import PlusCodec as P; print(P().encode_all([{{'a': set({names!r})}}]))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "123"
    }

    assert len(runs) == 1
    assert codec.digest([{"a": one, "b": {"c": 1, "d": ()}}]) == codec.digest([{"b": {"d": (), "c": 1}, "a": other}])


def test_what_is_not_needed_is_not_imported() -> None:
    """`import sessions` does not wait for the codec, and the codec not for pydantic."""
    script = (
        "import sys, sessions; print('sessions.codecs.plus.codec' in sys.modules); "
        "from sessions.codecs.plus.codec import PlusCodec; PlusCodec([type('MyError', (Exception,), {})]); "
        "print('pydantic' in sys.modules)"
    )

    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout

    assert shown.split() == ["False", "False"]


def test_the_error_of_an_unknown_tag_is_one_of_ours() -> None:
    [payload] = PlusCodec([Order]).encode_all([{"a": Order(1)}])

    with pytest.raises(
        UndecodableItemError, match=r"the tag 'Order', which this codec does not know.*PlusCodec\(types="
    ):
        PlusCodec().decode(payload)

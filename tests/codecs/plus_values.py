"""Classes and Hypothesis strategies for what `PlusCodec` keeps, and an equality that compares types, too."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel

from sessions.codecs.plus.codec import PlusCodec

from . import json_values

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class Colour(Enum):
    RED = (1, 0)
    GREEN = (0, 1)
    CRIMSON = (1, 0)  # noqa: PIE796 - another name of RED


class Role(StrEnum):
    USER = "user"
    OTHER = "~date"


class Level(IntEnum):
    LOW = 1
    HIGH = 3


class Permission(Flag):
    READ = 1
    WRITE = 2
    RUN = 4
    ALL = 7


class Mode(IntFlag):
    A = 1
    B = 8


class Point(NamedTuple):
    x: Any
    y: Any = None


@dataclass
class Plain:
    value: Any
    more: list[Any] = field(default_factory=list)


@dataclass
class Inherited(Plain):
    extra: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    value: Any
    late: Any = field(init=False, default=0)
    unset: Any = field(init=False, repr=False, compare=False)


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    value: Any = Field(alias="Value")
    colour: Colour = Colour.GREEN
    inner: Model | None = None
    secret: Any = Field(default=None, exclude=True)


class Root(RootModel[Any]):
    pass


class ToolError(Exception):
    """Takes other arguments than it hands on."""

    def __init__(self, code: Any, text: Any) -> None:
        super().__init__(text)
        self.code = code


class DiskError(OSError):
    pass


OWN: list[type] = [Colour, Role, Level, Permission, Mode, Point, Plain, Inherited, Frozen, Model, Root]
OWN_ERRORS: list[type] = [
    ToolError, DiskError, Exception, ValueError, KeyError, RuntimeError, OSError, FileNotFoundError, UnicodeDecodeError,
    StopIteration,
]  # fmt: skip
codec = PlusCodec([*OWN, *OWN_ERRORS])

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Monrovia", "Etc/GMT+12"]
offsets = st.timedeltas(timedelta(hours=-24, microseconds=1), timedelta(hours=24, microseconds=-1))
zones: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.sampled_from(ZONES).map(ZoneInfo),
    offsets.map(timezone),
    st.builds(timezone, offsets, json_values.text),
)
folds = st.sampled_from([0, 1])


def moments(kind: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.builds(lambda value, zone, fold: value.replace(tzinfo=zone, fold=fold), kind, zones, folds)


decimals = st.decimals() | st.builds(
    Decimal,
    st.tuples(
        folds,
        st.lists(st.integers(0, 9), max_size=40).map(tuple),
        st.integers(-9999, 9999) | st.sampled_from(["n", "N", "F"]),
    ),
)
path_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=["\0"]))
paths: SearchStrategy[Any] = path_texts.map(Path)
members: SearchStrategy[Any] = st.one_of(
    st.sampled_from(Colour),
    st.sampled_from(Role),
    st.sampled_from(Level),
    st.integers(0, 7).map(Permission),
    st.sampled_from([0, 1, 8, 9]).map(Mode),
)
built_in: SearchStrategy[Any] = st.one_of(
    moments(st.datetimes()),
    st.dates(),
    moments(st.times()),
    st.timedeltas(),
    decimals,
    st.uuids(),
    st.binary(),
    st.binary().map(bytearray),
)
scalars = json_values.scalars | built_in | members
keys = json_values.keys | st.sampled_from(["~", "~~", "~date", "~~date", "~set", "~nothing", "at", "value"])


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:  # A bytearray, or a signalling NaN.
        return False
    return True


def _nested_hashables(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    lists = st.lists(inner, max_size=3)
    return lists.map(tuple) | st.builds(Point, inner, inner)


# Sets are made of lists: Hypothesis describes its own in more letters than it allows itself.
hashables = st.recursive(scalars.filter(_hashable), _nested_hashables, max_leaves=6)


def _frozen(value: Any, late: Any, *, is_set: bool) -> Frozen:
    made = Frozen(value=value)
    object.__setattr__(made, "late", late)
    if is_set:
        object.__setattr__(made, "unset", late)
    return made


def _noted(error: Exception, notes: list[str]) -> Exception:
    for note in notes:
        error.add_note(note)
    return error


def _nested(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    lists = st.lists(inner, max_size=3)
    errors = st.one_of(
        st.builds(
            lambda kind, args: kind(*args), st.sampled_from([ValueError, KeyError, Exception, RuntimeError]), lists
        ),
        st.builds(ToolError, inner, inner),
        st.builds(lambda text, path: DiskError(5, text, path), json_values.text, path_texts),
        st.builds(lambda text, path: OSError(2, text, path, None, path), json_values.text, path_texts),
    )
    return st.one_of(
        lists,
        lists.map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(keys, inner, min_size=1, max_size=1),
        st.lists(hashables, max_size=4).map(set),
        st.lists(hashables, max_size=4).map(frozenset),
        st.builds(Point, inner, inner),
        st.builds(Plain, inner, lists),
        st.builds(Inherited, inner, lists, inner),
        st.builds(_frozen, inner, inner, is_set=st.booleans()),
        st.builds(lambda value, extra: Model(Value=value, **{"~extra": extra}), inner, inner),
        st.builds(lambda value: Model(Value=1, secret=value, colour=Colour.RED, inner=Model(Value=value)), inner),
        inner.map(Root),
        st.builds(_noted, errors, st.lists(json_values.text, max_size=2)),
    )


values = st.recursive(scalars | paths, _nested, max_leaves=10)
items: SearchStrategy[dict[str, Any]] = st.dictionaries(keys, values, max_size=4)


def identical(one: Any, other: Any) -> bool:  # noqa: C901, PLR0911 - one case for each type
    """Compare with types, the order of keys, folds and zones, the sign of zero; sets in any order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Enum):
        return one is other or (isinstance(one, Flag) and one == other)
    if isinstance(one, BaseModel):
        return (
            one.model_fields_set == other.model_fields_set
            and identical(one.__dict__, other.__dict__)
            and identical(one.model_extra, other.model_extra)
        )
    if dataclasses.is_dataclass(one):
        names = [name.name for name in dataclasses.fields(one)]
        return identical(
            *({name: getattr(side, name) for name in names if hasattr(side, name)} for side in (one, other))
        )
    if isinstance(one, OSError):
        return identical(*((side.args, vars(side), side.filename, side.filename2) for side in (one, other)))
    if isinstance(one, BaseException):
        return identical(*((side.args, vars(side)) for side in (one, other)))
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, (set, frozenset)):
        left = list(other)
        return len(one) == len(other) and all(
            any(identical(element, left[index]) and [left.pop(index)] for index in range(len(left))) for element in one
        )
    if isinstance(one, Decimal):
        return bool(one.as_tuple() == other.as_tuple())
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, (datetime, time)):
        bare = [side.replace(tzinfo=None) for side in (one, other)]
        return bare[0] == bare[1] and one.fold == other.fold and _same_zone(one.tzinfo, other.tzinfo)
    return bool(one == other)


def _same_zone(one: Any, other: Any) -> bool:
    if isinstance(one, timezone) and isinstance(other, timezone):
        return one == other and one.tzname(None) == other.tzname(None)
    return bool(one is other)


__all__ = ["OWN", "ZONES", "codec", "date", "identical", "items", "values"]

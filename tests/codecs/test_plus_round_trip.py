"""What was put in is what is read back, with its types."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings

from sessions.codecs.json import MAX_DEPTH, JSONCodec
from sessions.codecs.plus.codec import PlusCodec

from . import json_values
from .plus_values import (
    Colour,
    DiskError,
    Frozen,
    Inherited,
    Level,
    Mode,
    Model,
    Permission,
    Plain,
    Point,
    Role,
    Root,
    ToolError,
    codec,
    identical,
    items,
)

BERLIN = ZoneInfo("Europe/Berlin")
NAMED = timezone(timedelta(hours=1), "CET")


def there_and_back(value: Any) -> Any:
    [payload] = codec.encode_all([{"value": value}])
    assert identical(codec.decode_all([payload]), [codec.decode(payload)])
    return codec.decode(payload)["value"]


# Fails without: nearly any line of codecs/plus/tags.py, values.py, classes.py
@settings(max_examples=600, deadline=None)
@given(items)
def test_every_item_comes_back(item: dict[str, Any]) -> None:
    [payload] = codec.encode_all([item])

    back = codec.decode(payload)

    assert identical(back, item)
    assert identical(codec.decode_all([payload]), [item])
    assert codec.encode_all([back]) == [payload], "the same again has the same bytes"
    assert codec.digest([back]) == codec.digest([item])
    assert isinstance(json.loads(payload), dict), "any tool reads it"


FORMS: dict[str, tuple[Any, str]] = {
    "naive datetime": (datetime(2026, 1, 2, 3, 4, 5), '{"~datetime":"2026-01-02T03:04:05"}'),  # noqa: DTZ001
    "aware datetime": (datetime(2026, 1, 2, tzinfo=UTC), '{"~datetime":"2026-01-02T00:00:00+00:00"}'),
    "odd offset": (
        datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=timezone(-timedelta(seconds=1, microseconds=2))),
        '{"~datetime":"0001-01-01T00:00:00.000001-00:00:01.000002"}',
    ),
    "offset below a second": (
        time(1, 2, tzinfo=timezone(-timedelta(microseconds=3))),
        '{"~time":{"at":"01:02:00","offset":-3}}',
    ),
    "such an offset with a name": (
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(microseconds=999_999), "odd")),
        '{"~datetime":{"at":"2026-01-02T00:00:00","offset":999999,"name":"odd"}}',
    ),
    "zone": (
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        '{"~datetime":{"at":"2026-10-25T02:30:00","zone":"Europe/Berlin"}}',
    ),
    "zone and fold": (
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        '{"~datetime":{"at":"2026-10-25T02:30:00","zone":"Europe/Berlin","fold":1}}',
    ),
    "named offset": (
        datetime(2026, 1, 1, tzinfo=NAMED),
        '{"~datetime":{"at":"2026-01-01T00:00:00+01:00","name":"CET"}}',
    ),
    "last datetime": (datetime.max, '{"~datetime":"9999-12-31T23:59:59.999999"}'),  # noqa: DTZ901
    "date": (date(2026, 1, 2), '{"~date":"2026-01-02"}'),
    "time": (time(1, 2, 3, 4), '{"~time":"01:02:03.000004"}'),
    "time in a zone": (
        time(1, 2, tzinfo=BERLIN, fold=1),
        '{"~time":{"at":"01:02:00","zone":"Europe/Berlin","fold":1}}',
    ),
    "timedelta": (timedelta(microseconds=-1), '{"~timedelta":[-1,86399,999999]}'),
    "largest timedelta": (timedelta.max, '{"~timedelta":[999999999,86399,999999]}'),
    "decimal": (Decimal("1.10"), '{"~decimal":"1.10"}'),
    "decimal exponent": (Decimal("-1E+999999"), '{"~decimal":"-1E+999999"}'),
    "decimal zero": (Decimal("-0E-9"), '{"~decimal":"-0E-9"}'),
    "decimal infinity": (Decimal("-Infinity"), '{"~decimal":"-Infinity"}'),
    "decimal NaN": (Decimal("NaN123"), '{"~decimal":"NaN123"}'),
    "decimal sNaN": (Decimal("-sNaN7"), '{"~decimal":"-sNaN7"}'),
    "uuid": (UUID(int=1), '{"~uuid":"00000000-0000-0000-0000-000000000001"}'),
    "bytes": (b"\xff\xfe\0", '{"~bytes":"//4A"}'),
    "bytearray": (bytearray(b"a"), '{"~bytearray":"YQ=="}'),
    "tuple": ((1, (), [2]), '{"~tuple":[1,{"~tuple":[]},[2]]}'),
    "set": ({"b", "a", 1}, '{"~set":["a","b",1]}'),
    "frozenset": ((frozenset({1}), frozenset()), '{"~tuple":[{"~frozenset":[1]},{"~frozenset":[]}]}'),
    "path": (Path("/a/é"), '{"~path":"/a/é"}'),
    "enum": (Colour.CRIMSON, '{"~Colour":"RED"}'),
    "str enum": (Role.USER, '{"~Role":"USER"}'),
    "int enum": (Level.HIGH, '{"~Level":"HIGH"}'),
    "flag": (Permission.READ | Permission.RUN, '{"~Permission":["READ","RUN"]}'),
    "flag with a name": (Permission.ALL, '{"~Permission":["READ","WRITE","RUN"]}'),
    "no flag": (Permission(0), '{"~Permission":[]}'),
    "int flag": (Mode.A | Mode.B, '{"~Mode":["A","B"]}'),
    "named tuple": (Point(1, (2,)), '{"~Point":{"x":1,"y":{"~tuple":[2]}}}'),
    "dataclass": (Plain(1, [Plain(2)]), '{"~Plain":{"value":1,"more":[{"~Plain":{"value":2,"more":[]}}]}}'),
    "inherited dataclass": (Inherited(1), '{"~Inherited":{"value":1,"more":[],"extra":null}}'),
    "frozen dataclass": (Frozen(value={"~a": 1}), '{"~Frozen":{"value":{"~~a":1},"late":0}}'),
    "model": (
        Model(Value=b"", colour=Colour.RED, inner=None, secret=1),
        '{"~Model":{"value":{"~bytes":""},"colour":{"~Colour":"RED"},"inner":null,"secret":1}}',
    ),
    "model with defaults": (
        Model(Value=1, colour=Colour.RED),
        '{"~Model":[{"value":1,"colour":{"~Colour":"RED"},"inner":null,"secret":null},["inner","secret"]]}',
    ),
    "root model": (Root((1,)), '{"~Root":{"root":{"~tuple":[1]}}}'),
    "exception": (ValueError("a", b""), '{"~ValueError":{"args":["a",{"~bytes":""}]}}'),
    "exception of a file": (FileNotFoundError(2, "no", "f"), '{"~FileNotFoundError":{"args":[2,"no","f"]}}'),
    "own exception": (ToolError(7, "no"), '{"~ToolError":{"args":["no"],"attributes":{"code":7}}}'),
    "exception of C": (
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
        '{"~UnicodeDecodeError":{"args":["utf-8",{"~bytes":"/w=="},0,1,"why"]}}',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "form"), FORMS.values(), ids=FORMS.keys())
def test_forms_are_those_that_are_documented(value: Any, form: str) -> None:
    """Stored data is forever: none of these may ever change."""
    [payload] = codec.encode_all([{"value": value}])

    assert payload.decode() == f'{{"value":{form}}}'
    assert identical(there_and_back(value), value)


# Fails without: codecs/plus/exceptions.py, `_builtin_base(kind).__init__(error, *args)`
def test_what_an_exception_says_comes_back() -> None:
    error = DiskError(5, "broken", "/dev/sda", None, "other")
    error.add_note("seen twice")

    back = there_and_back(error)

    assert (str(back), back.errno, back.filename2, back.__notes__) == (str(error), 5, "other", ["seen twice"])
    assert str(there_and_back(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"))).endswith("position 0: why")
    assert there_and_back(StopIteration(3)).value == 3


# Fails without: codecs/plus/exceptions.py, the `_write` of parts that are known; tracebacks would be refused
def test_what_belongs_to_the_process_is_left_out_of_an_exception() -> None:
    try:
        try:
            _ = dict[str, int]()["missing"]
        except KeyError as cause:
            raise ToolError(1, "no") from cause
    except ToolError as error:
        back = there_and_back(error)

    assert (back.__traceback__, back.__cause__, back.__context__) == (None, None, None)


# Fails without: codecs/plus/values.py, `Decimal(text, _DECIMALS)` and `_DECIMALS.to_sci_string`
def test_the_callers_decimal_context_does_not_matter() -> None:
    with localcontext() as context:
        context.prec = 3
        context.capitals = 0
        context.clear_traps()
        value = Decimal("1.23456789E+100")
        [payload] = codec.encode_all([{"value": value}])

        assert identical(codec.decode(payload), {"value": value})
        with pytest.raises(ValueError, match="'decimal'"):
            codec.decode(b'{"value":{"~decimal":"what"}}')
    assert payload == b'{"value":{"~decimal":"1.23456789E+100"}}'


@pytest.mark.parametrize("wrap", [lambda v: (v,), lambda v: [v], lambda v: {"~a": v}, Plain])
def test_nesting_up_to_the_limit_comes_back_and_beyond_is_refused(wrap: Any) -> None:
    value: Any = "leaf"
    kept = None
    for _ in range(2 * MAX_DEPTH):
        value = wrap(value)
        try:
            [payload] = codec.encode_all([{"value": value}])
        except ValueError as error:
            reason = str(error)
            break
        kept = value
        assert json_depth(payload) <= MAX_DEPTH
        assert identical(codec.decode(payload), {"value": kept})
    else:
        pytest.fail("there is no limit")
    assert "levels" in reason
    assert len(reason) < 400
    assert kept is not None
    assert json_depth(payload) >= MAX_DEPTH - 2


def json_depth(payload: bytes) -> int:
    depth = deepest = 0
    for byte in payload:
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    return deepest


@settings(max_examples=200, deadline=None)
@given(json_values.items)
def test_plain_items_have_the_same_bytes_and_digest_as_without_tags(item: dict[str, Any]) -> None:
    plain = JSONCodec()
    [payload] = plain.encode_all([item])
    assume(b'"~' not in payload)  # It may need a second mark.

    assert PlusCodec().encode_all([item]) == [payload]
    assert json_values.identical(PlusCodec().decode(payload), item)
    assert PlusCodec().digest([item]) == plain.digest([item])


# Fails without: codecs/plus/tags.py, `return {MARK + str.__str__(key): written[key]}`
@pytest.mark.parametrize("key", ["~", "~~", "~date", "~~date", "~~~", "~set", "~nothing"])
def test_callers_dictionaries_that_look_like_tags_come_back(key: str) -> None:
    for item in ({key: "2026-01-01"}, {"a": [{key: {key: []}}, ({key: 1},)]}, {key: 1, "~other": 2}):
        [payload] = codec.encode_all([item])

        assert identical(codec.decode(payload), item)


@pytest.mark.parametrize("key", ["$ref", "$$", "$date", "!", "@type", "a~b", ""])
def test_other_keys_are_written_as_they_are(key: str) -> None:
    """JSON Schema, in particular, is what it was, also where it was written before the codec was changed."""
    assert codec.encode_all([{key: "~"}]) == JSONCodec().encode_all([{key: "~"}])


class Key(str):
    """Does not want to be added to."""

    __slots__ = ()

    def __radd__(self, other: str) -> str:
        raise AssertionError(other)

    def startswith(self, *_: Any) -> bool:
        return False


# Fails without: codecs/plus/tags.py, `str.startswith(key, MARK)` and `str.__str__(key)`
def test_a_key_of_a_class_of_its_own_is_the_text_it_holds() -> None:
    assert codec.encode_all([{Key("~date"): (1,)}]) == [b'{"~~date":{"~tuple":[1]}}']

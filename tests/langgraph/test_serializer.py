"""`SafeSerializer` reads what LangGraph writes, and revives only classes that the program named."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import ipaddress
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid
import zoneinfo
from typing import Any

import numpy as np
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_DELTA_SNAPSHOT,
    JsonPlusSerializer,
    _msgpack_enc,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Interrupt, Send

from sessions.adapters.langgraph.serializer import SafeSerializer
from sessions.checkpoints.parts import encode
from sessions.checkpoints.values import LIST
from sessions.errors import UndecodableStateError
from tests.langgraph.state_types import Address, Colour, Half, Plan, Planted, Point, Preferences, State

_SAFE: list[Any] = [
    None,
    b"\x00",
    bytearray(b"y"),
    [1, 2.5, "ä", True, None],
    {"a": {"b": [1]}, 3: 4},
    uuid.UUID(int=7),
    dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC),
    dt.date(2026, 11, 30),
    dt.time(1, 2, 3, tzinfo=dt.UTC),
    dt.timedelta(days=1, microseconds=5),
    decimal.Decimal("1.50"),
    {1, 2},
    frozenset({"a"}),
    collections.deque([1, [2]]),
    ipaddress.ip_address("192.0.2.1"),
    ipaddress.ip_network("2001:db8::/32"),
    pathlib.Path("/a/b"),
    re.compile("a+", re.IGNORECASE),
    zoneinfo.ZoneInfo("Europe/Paris"),
    HumanMessage("hello", id="1"),
    AIMessage("", tool_calls=[{"name": "find", "args": {"q": 1}, "id": "c"}]),
    ToolMessage("found", tool_call_id="c"),
    RemoveMessage("1"),
    Document("text", metadata={"page": 1}),
    Send("node", {"a": [1]}),
    Interrupt("why?", id="i"),
    _DeltaSnapshot([1, 2]),
]
_LISTED: list[Any] = [
    Preferences("dark", Address("Köln")),
    [Address("Bonn"), {"deep": Address("Ulm")}],
    Plan(steps=["a"], tags={1, 2}),
    Colour.RED,
    Point(1, 2),
]


@pytest.mark.parametrize("value", _SAFE, ids=lambda value: type(value).__name__)
def test_the_safe_list_comes_back_and_the_bytes_are_langgraphs(value: Any) -> None:
    """Each class of LangGraph's safe list is read back equal, and is written as LangGraph writes it."""
    serde = SafeSerializer()
    typed = serde.dumps_typed(value)
    assert typed == JsonPlusSerializer().dumps_typed(value)
    found = serde.loads_typed(typed)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", _LISTED, ids=repr)
def test_a_class_of_the_schema_comes_back(value: Any) -> None:
    """A schema names its classes and those of their fields; each by itself does as well."""
    typed = SafeSerializer().dumps_typed(value)
    for types in ([State], [Preferences, Plan, Colour, Point], [list[Preferences], Plan | None, Colour, Point]):
        assert SafeSerializer(types=types).loads_typed(typed) == value
    names = {(one.__module__, one.__name__) for one in (Preferences, Address, Plan, Colour, Point)}
    assert SafeSerializer().with_msgpack_allowlist(names).loads_typed(typed) == value


@pytest.mark.parametrize("value", _LISTED, ids=repr)
def test_another_class_is_refused_with_the_line_to_add(value: Any) -> None:
    """The error names the class and the argument, also where it is deep in a value."""
    serde = SafeSerializer()
    with pytest.raises(UndecodableStateError, match=r"tests\.langgraph\.state_types\.\w+.*types=\[\w+\]") as caught:
        serde.loads_typed(serde.dumps_typed({"in": [value]}))
    assert caught.value.type_name.startswith("tests.langgraph.state_types.")


def test_a_loaded_class_is_not_constructed() -> None:
    """A class with a side effect is in a loaded module, and a database names it: nothing happens."""
    serde = SafeSerializer(types=[Preferences])
    stored = serde.dumps_typed(Planted("rm"))
    Planted.made.clear()
    with pytest.raises(UndecodableStateError):
        serde.loads_typed(stored)
    assert Planted.made == []


@pytest.mark.parametrize("method", ["now", "__subclasses__", "fromisoformat"])
def test_methods_and_functions_are_not_called(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extension that names a function or a method is refused, by every code that LangGraph's format has."""
    called: list[object] = []
    content: Any
    monkeypatch.setattr(os, "getcwd", lambda *_: called.append(1))
    for code in set(range(9)) - {EXT_DELTA_SNAPSHOT}:
        for content in (("os", "getcwd", []), ("os", "getcwd", {}), ("uuid", "UUID", "x", method)):
            with pytest.raises(UndecodableStateError):
                SafeSerializer().loads_typed(("msgpack", ormsgpack.packb(ormsgpack.Ext(code, _msgpack_enc(content)))))
    assert called == []


def test_nothing_is_imported() -> None:
    """A module that the database names is not imported, whichever way it is named."""
    program = """
import json, sys, ormsgpack
from sessions.adapters.langgraph.serializer import SafeSerializer
from sessions.checkpoints.parts import encode
from sessions.checkpoints.values import LIST
serde = SafeSerializer(types=[("tabnanny", "NannyNag")])
before = set(sys.modules)
for code in {*range(9)} - {7}:
    content = ormsgpack.packb(("antigravity", "x", {})) , ormsgpack.packb(("tabnanny", "NannyNag", []))
    for one in content:
        try:
            serde.loads_typed(("msgpack", ormsgpack.packb(ormsgpack.Ext(code, one))))
        except ValueError:
            pass
        else:
            sys.exit("revived")
for id in (["antigravity", "x"], ["langchain", "llms", "openai", "OpenAI"]):
    for lc in (1, 2):
        try:
            serde.loads_typed(("json", json.dumps({"lc": lc, "type": "constructor", "id": id}).encode()))
        except ValueError:
            pass
        else:
            sys.exit("revived")
new = {name for name in set(sys.modules) - before if name in ("antigravity", "tabnanny") or "openai" in name}
sys.exit(f"imported {new}" if new else 0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_langgraphs_former_format_is_read() -> None:
    """JSON of LangGraph before 1.0 and LangChain's own messages are read; of anything else nothing is made."""
    serde = SafeSerializer()
    message = (
        '{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": '
        '{"content": "hi"}}'
    )
    assert serde.loads_typed(("json", message.encode())) == HumanMessage("hi")
    stored = {"a": {"lc": 2, "type": "constructor", "id": ["uuid", "UUID"], "args": [str(uuid.UUID(int=1))]}}
    assert serde.loads_typed(("json", json.dumps(stored).encode())) == {"a": uuid.UUID(int=1)}
    for refused in (message.replace("HumanMessage", "nothing"), '{"lc": 1, "type": "secret", "id": ["PATH"]}'):
        with pytest.raises(UndecodableStateError):
            serde.loads_typed(("json", refused.encode()))


def test_a_pickle_is_never_read() -> None:
    """A pickle can run code, so its bytes are not looked at."""
    with pytest.raises(UndecodableStateError, match="pickle, which could run code"):
        SafeSerializer().loads_typed(("pickle", b"cos\nsystem\n(S'false'\ntR."))


def test_a_constructor_that_fails_is_an_error() -> None:
    """LangGraph returns the raw values then, as if they had been stored."""
    serde = SafeSerializer(types=[Half, Colour])
    with pytest.raises(UndecodableStateError, match=r"state_types\.Half refused the stored values \(TypeError\)"):
        serde.loads_typed(serde.dumps_typed(Half("a")))
    stored = ("tests.langgraph.state_types", "Colour", "a secret")
    with pytest.raises(UndecodableStateError) as caught:
        serde.loads_typed(("msgpack", ormsgpack.packb(ormsgpack.Ext(EXT_CONSTRUCTOR_SINGLE_ARG, _msgpack_enc(stored)))))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_renamed_class_is_found() -> None:
    """State that was stored under a former name is read with the class of today."""
    stored = SafeSerializer().dumps_typed(Address("Jena"))
    moved = ("msgpack", stored[1].replace(b"Address", b"Adresse"))
    serde = SafeSerializer(renamed={"tests.langgraph.state_types.Adresse": Address})
    assert serde.loads_typed(moved) == Address("Jena")
    for wrong in ({"Address": Address}, {"a.Address": "Address"}):
        with pytest.raises(TypeError, match="renamed must map"):
            SafeSerializer(renamed=wrong)  # type: ignore[arg-type]


def test_a_class_inside_a_function_is_found_by_its_own() -> None:
    """A class that no module has is still one that the program named."""

    class Local(Preferences):
        pass

    serde = SafeSerializer(types=[Local])
    found = serde.loads_typed(serde.dumps_typed(Local("dark")))
    assert type(found) is Local


def test_types_must_be_classes() -> None:
    """Anything else is refused when the serializer is made."""
    for wrong in ("Preferences", 3, ("a", "b", "c"), print):
        with pytest.raises(TypeError, match="types must contain classes"):
            SafeSerializer(types=[wrong])


def test_arrays_can_be_changed_after_they_are_read() -> None:
    """LangGraph's own come back read-only."""
    serde = SafeSerializer()
    for order in ("C", "F"):
        array = np.asarray(np.arange(6.0).reshape(2, 3), order=order)
        found = serde.loads_typed(serde.dumps_typed(array))
        assert (found == array).all()
        found[0, 0] = 7


_BYTES = SafeSerializer().dumps_typed([*_SAFE, HumanMessage("hi"), {"k": [Preferences("dark")]}])[1]


@given(
    st.lists(st.tuples(st.integers(0, len(_BYTES) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(_BYTES))
)
def test_damaged_bytes_are_a_value_or_the_error(changes: list[tuple[int, int]], end: int) -> None:
    """Whatever is altered or cut, the answer is a value or `UndecodableStateError`."""
    payload = bytearray(_BYTES)
    for place, byte in changes:
        payload[place] = byte
    for stored in (bytes(payload), bytes(payload[:end])):
        try:
            SafeSerializer(types=[State]).loads_typed(("msgpack", stored))
        except UndecodableStateError as error:
            assert "dark" not in str(error)  # noqa: PT017 - it may also succeed


@given(st.binary(max_size=200), st.sampled_from(["msgpack", "json", "null", "bytes", "pickle", "", "\x1b[2J"]))
def test_any_bytes_are_a_value_or_the_error(payload: bytes, kind: str) -> None:
    """The bytes may be anything, and so may the name of their format."""
    try:
        SafeSerializer().loads_typed((kind, payload))
    except UndecodableStateError as error:
        assert str(error).isprintable()  # noqa: PT017 - it may also succeed


def test_deep_nesting_is_the_error() -> None:
    """Bytes that nest deeper than Python's stack end in the error, not in the end of the program."""
    payload = b"\x01"
    for _ in range(3000):
        payload = ormsgpack.packb(ormsgpack.Ext(7, payload))
    for stored in (payload, b"\x91" * 100_000 + b"\x01"):
        with pytest.raises(UndecodableStateError):
            SafeSerializer().loads_typed(("msgpack", stored))


def test_a_list_has_the_same_parts_however_long_it_is() -> None:
    """Fails without: checkpoints/parts.py, `_split`: a list that grows would be stored anew."""
    dumps = SafeSerializer().dumps_typed
    items = [
        HumanMessage("hello", id="1"), AIMessage("\ud800 no text", id="2"), {"none": None, "bytes": b"x"},
        [bytearray(b"y"), {1, 2}], dt.datetime(2026, 1, 1, tzinfo=dt.UTC), pathlib.Path("a"), (1, "two"), 1.5,
        ValueError("no"),
    ]  # fmt: skip
    whole = encode(items, dumps)
    assert whole.shape == LIST
    assert whole.parts == [encode([item], dumps).parts[0] for item in items]
    mixed = [*items, None, b"bytes", bytearray(b"more"), "text", 7]
    assert encode(mixed, dumps).parts[: len(items)] == whole.parts

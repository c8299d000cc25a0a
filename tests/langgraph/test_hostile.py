"""A database that somebody altered: whatever is in it, the answer is a state or a typed error, and nothing is run."""

# ruff: noqa: S608 - the names of tables are those of this file

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.adapters.langgraph import SqliteSaver
from sessions.errors import DamagedSessionError, DecryptionError, SessionsError, UndecodableStateError
from tests.langgraph.graphs import asking, chat, said, thread
from tests.langgraph.state_plant import Preferences as Planted
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_COLUMNS = (
    ("pieces", "payload"), ("checkpoints", "body"), ("checkpoints", "heads"), ("checkpoints", "parent_id"),
    ("writes", "payload"), ("writes", "task_path"), ("writes", "slot"), ("threads", "wrapped_keys"),
    ("threads", "owner"), ("lines", "next_number"), ("lines", "ns"),
)  # fmt: skip


def _fill(path: Path, **options: Any) -> Path:
    with SqliteSaver(path, types=[Preferences], **options) as saver:
        for text in ("one " * 300, "two " * 300, "three"):
            chat(saver).invoke(said(text), thread("a"))
        asking(saver).invoke(said("hello"), thread("b"))
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fill(tmp_path_factory.mktemp("written") / "state.db")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fill(tmp_path_factory.mktemp("sealed") / "state.db", encryption_key=_key())


def _key() -> bytes:
    return bytes(range(128, 160))


def _altered(path: Path, change: Callable[[sqlite3.Connection], object]) -> Path:
    altered = path.with_name("altered.db")
    for suffix in ("", "-wal", "-shm"):
        altered.with_name(altered.name + suffix).unlink(missing_ok=True)
    shutil.copy(path, altered)
    with closing(sqlite3.connect(altered)) as connection, connection:
        change(connection)
    return altered


def _use(path: Path, **options: Any) -> int:
    """Use all that reads; return how many calls were refused, each with an error of this package."""
    refused = 0
    with SqliteSaver(path, types=[Preferences], **options) as saver:

        def going_on() -> None:
            found = saver.get_tuple(thread("a"))
            if found is not None:
                late: Any = {**found.checkpoint, "id": "z"}
                saver.put(found.config, late, {"source": "loop"}, {"messages": 99})

        calls: tuple[Callable[[], Any], ...] = (
            lambda: saver.get_tuple(thread("a")),
            lambda: saver.get_tuple(thread("b")),
            lambda: list(saver.list(None)),
            lambda: list(saver.list(thread("a"), filter={"step": 1})),
            lambda: saver.get_delta_channel_history(config=thread("a"), channels=["messages"]),
            saver.threads,
            lambda: saver.copy_thread("a", "c"),
            going_on,
            lambda: saver.prune(["a", "b"]),
        )
        for call in calls:
            try:
                call()
            except SessionsError as error:
                assert str(error).isprintable()  # noqa: PT017 - it may also succeed
                refused += 1
    return refused


def _fuzzed(connection: sqlite3.Connection, source: random.Random) -> None:
    table, column = source.choice(_COLUMNS)
    where = "task_id" if table == "writes" else "id"
    rows = connection.execute(f"select {where}, {column} from agent_checkpoints_{table}").fetchall()
    key, value = source.choice(rows)
    new: Any
    if isinstance(value, bytes) and value and source.random() < 0.8:
        changed = bytearray(value)
        for _ in range(source.choice((1, 1, 3, 20))):
            changed[source.randrange(len(changed))] = source.randrange(256)
        new = bytes(changed[: source.choice((len(changed), source.randrange(len(changed) + 1)))])
    else:
        huge = "[[1,1,4294967295]]"
        new = source.choice((b"", b"\x00", source.randbytes(30), "x", "", huge, "[[", "[[9,9]]", "[]", 0, -1, 1 << 62))
    with suppress(sqlite3.IntegrityError):
        connection.execute(f"update agent_checkpoints_{table} set {column} = ? where {where} = ?", (new, key))


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.booleans())
def test_every_payload_may_be_anything(written: Path, sealed: Path, seed: int, is_sealed: bool) -> None:  # noqa: FBT001
    """Bytes, texts and numbers in any column; cut, changed or exchanged."""
    source = random.Random(seed)  # noqa: S311 - a test's
    path = _altered(sealed if is_sealed else written, lambda connection: _fuzzed(connection, source))
    loaded = set(sys.modules)
    _use(path, **({"encryption_key": _key()} if is_sealed else {}))
    # `safe_types.py` asks LangChain for all classes of messages, and it imports their modules then.
    harmless = ("sessions", "langgraph", "langchain_core.messages.")
    assert {name for name in set(sys.modules) - loaded if not name.startswith(harmless)} == set()
    assert Planted.made == []


def _renamed(connection: sqlite3.Connection) -> None:
    connection.create_function("renamed", 1, lambda payload: payload.replace(b"state_types", b"state_plant"))
    for table, column in (("pieces", "payload"), ("checkpoints", "body"), ("writes", "payload")):
        connection.execute(f"update agent_checkpoints_{table} set {column} = renamed({column})")


def test_a_type_renamed_to_a_loaded_one_is_refused(written: Path) -> None:
    """The class of the other module is loaded, has the same fields, and is not constructed."""
    path = _altered(written, _renamed)
    with SqliteSaver(path, types=[Preferences]) as saver, pytest.raises(UndecodableStateError, match="state_plant"):
        saver.get_tuple(thread("a"))
    assert Planted.made == []


def _moved(table: str, column: str, order: str) -> Callable[[sqlite3.Connection], None]:
    """Exchange the contents of all rows, each with the next one's."""

    def move(connection: sqlite3.Connection) -> None:
        name = f"agent_checkpoints_{table}"
        rows = connection.execute(f"select {order}, {column} from {name} order by {order}").fetchall()
        for (key, _), (_, value) in zip(rows, [*rows[1:], rows[0]], strict=True):
            connection.execute(f"update {name} set {column} = ? where {order} = ?", (value, key))

    return move


@pytest.mark.parametrize(
    ("table", "column", "order"),
    [("pieces", "payload", "id"), ("checkpoints", "body", "id"), ("checkpoints", "heads", "id")],
)
def test_moved_rows(written: Path, sealed: Path, table: str, column: str, order: str) -> None:
    """In the clear, nothing but typed errors comes of it; encrypted rows are refused in each case."""
    move = _moved(table, column, order)
    _use(_altered(written, move))
    with (
        SqliteSaver(_altered(sealed, move), types=[Preferences], encryption_key=_key()) as saver,
        pytest.raises(DecryptionError),
    ):
        saver.get_tuple(thread("a"))


@pytest.mark.parametrize("column", ["checkpoint_id", "parent_id", "run_id"])
@pytest.mark.parametrize("value", ["x" * 300, ""])
def test_an_id_that_cannot_be_stored_is_damage(written: Path, column: str, value: str) -> None:
    """A graph passes them back with its next step, where they would be an argument out of range.

    Fails without: checkpoints/read.py, `check_text`.
    """
    where = "id = (select max(id) from agent_checkpoints_checkpoints)"
    path = _altered(
        written,
        lambda rows: rows.execute(f"update agent_checkpoints_checkpoints set {column} = ? where {where}", (value,)),
    )
    with SqliteSaver(path, types=[Preferences]) as saver, pytest.raises(DamagedSessionError, match="make no sense"):
        list(saver.list(None))


def test_an_untouched_database_refuses_nothing(written: Path, sealed: Path) -> None:
    """What the tests above expect of `_use`."""
    assert _use(_altered(written, lambda _: None)) == 0
    assert _use(_altered(sealed, lambda _: None), encryption_key=_key()) == 0

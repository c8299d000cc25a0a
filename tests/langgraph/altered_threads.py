"""The rows of threads, altered in any way, and all that may be done with them: states or typed errors come of it.

What is altered is a copy of all rows; they are then stored in the place of those that are there.
"""

from __future__ import annotations

import pickle
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st

from sessions import open_store
from sessions.adapters.langgraph import InMemorySaver, SessionSaver
from sessions.checkpoints.schema import CHECKPOINTS
from sessions.db.transaction import Statement
from sessions.errors import SessionsError
from sessions.store.threads import ThreadStore
from tests.langgraph.graphs import asking, chat, delta, said, thread
from tests.langgraph.state_plant import Preferences as Planted
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sessions import Store
    from sessions.db.transaction import Transaction

    Rows = dict[str, list[list[Any]]]

_COLUMNS: Final = {table.name: [column.name for column in table.columns] for table in CHECKPOINTS.tables}
_READ: Final = {
    table: Statement(f"All rows of {table}.", f"select {', '.join(columns)} from {{{table}}} order by 1, 2")  # noqa: S608
    for table, columns in _COLUMNS.items()
}
_DELETE: Final = {table: Statement(f"Empty {table}.", f"delete from {{{table}}}") for table in _COLUMNS}  # noqa: S608
_INSERT: Final = {
    table: Statement(
        f"A row of {table}.",
        f"insert into {{{table}}} ({', '.join(columns)}) values ({', '.join(f':{name}' for name in columns)})",  # noqa: S608
    )
    for table, columns in _COLUMNS.items()
}


async def fill(store: Store) -> Rows:
    """Store threads with a window, an open interrupt, a graph within and a delta channel; return all rows."""
    saver = SessionSaver(store, types=[Preferences])
    for text in ("one " * 300, "two " * 300, "three"):
        await chat(saver).ainvoke(said(text), thread("a"))
    await asking(saver).ainvoke(said("hello"), thread("b"))
    await chat(saver).ainvoke(said("within"), thread("a", checkpoint_ns="within:1"))
    for text in ("first", "second"):
        await delta(saver).ainvoke(said(text), thread("d"))
    return await ThreadStore(store._backend)._backend.read(_all_rows, "this test")


def _all_rows(tx: Transaction) -> Rows:
    return {table: [list(map(_plain, row)) for row in tx.all(statement)] for table, statement in _READ.items()}


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


async def put_in_place(store: Store, rows: Rows) -> None:
    """Store these rows instead of all that are there.

    Raises:
        StoreError: The database has no such rows.
    """

    def replace(tx: Transaction) -> None:
        for table, statement in _DELETE.items():
            tx.run(statement)
            tx.many(_INSERT[table], [tuple(row) for row in rows[table]])

    await ThreadStore(store._backend)._backend.write(replace, "this test")


def traps() -> Iterator[Any]:
    """Yield what names classes, functions and modules, as LangGraph's format does it."""
    names: tuple[tuple[str, str, Any], ...] = (
        ("os", "system", "exit 1"), ("builtins", "exec", "raise KeyError"), ("subprocess", "run", ["true"]),
        ("antigravity", "fly", ""), ("tests.langgraph.state_plant", "Preferences", "x"),
        ("tests.langgraph.state_types", "Planted", "x"), ("pathlib", "Path", "/"), ("re", "compile", "("),
        ("uuid", "UUID", "x"), ("langchain_core.messages.human", "HumanMessage", {"content": []}),
    )  # fmt: skip
    for code in range(8):
        for module, name, given in names:
            for more in ((), ("__call__",), ("__subclasses__",)):
                content = module, name, [given] if code == 1 else given, *more
                yield msgspec.msgpack.Ext(code, msgspec.msgpack.encode(content))


class _Bomb:
    """Runs something when a pickle of it is read."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('it was run')",)


_DEEP: Final = b"\x91" * 100_000 + b"\xc0"
_BYTES: Final = (
    b"", b"\0", b"\0\0", _DEEP, b"\0" + _DEEP, b"\0\0" + _DEEP, b"\xfe" + _DEEP, b"\0\xdd\xff\xff\xff\xff",
    b"\x05" + pickle.dumps(_Bomb()), b"\xff\x06pickle" + pickle.dumps(_Bomb()),
    b'\x04{"lc": 2, "type": "constructor", "id": ["os", "system"], "args": ["exit 1"]}',
    b'\x04{"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {}}', b"\x04" + b"[" * 100_000,
)  # fmt: skip
_TEXTS: Final = (
    "", "[[", "[]", "[[1,1,1]]", "[[9,9,9]]", "[[1,1,4294967295]]", "[[-1,-1,-1]]", "[[1,2,1]]", '["a"]', "{}", "null",
    "[" * 100_000, "[[99999999999999999999,1,1]]", "é", "\x01", "'; drop table x; --", "x" * 300,
)  # fmt: skip
_NUMBERS: Final = (0, -1, 1, 2, 1 << 28, 1 << 31, (1 << 63) - 1, -(1 << 63))
_NODES: Final[tuple[Any, ...]] = (None, True, -1, 1 << 62, 1.5, "", "x", b"", *_BYTES[2:], [], {}, [[]])


class Altered(NamedTuple):
    """Another value in a row."""

    table: str
    row: int
    column: int
    value: Any


def with_altered(rows: Rows, values: list[Altered]) -> Rows:
    """Return the rows with other values in them."""
    made = {table: [list(row) for row in found] for table, found in rows.items()}
    for table, row, column, value in values:
        made[table][row][column] = value
    return made


@st.composite
def altered(draw: st.DrawFn, rows: Rows) -> list[Altered]:
    """Return up to three other values."""
    made = []
    for _ in range(draw(st.integers(1, 3))):
        table = draw(st.sampled_from(sorted(table for table in rows if rows[table])))
        column = draw(st.integers(0, len(_COLUMNS[table]) - 1))
        row = draw(st.integers(0, len(rows[table]) - 1))
        others = [other[column] for other in rows[table]]
        made.append(Altered(table, row, column, draw(_value(rows[table][row][column], others))))
    return made


def _value(old: Any, others: list[Any]) -> st.SearchStrategy[Any]:
    anything = st.sampled_from((None, *_NUMBERS, *_TEXTS, *_BYTES))
    ways: list[st.SearchStrategy[Any]] = [st.sampled_from(others), anything]
    if isinstance(old, bytes) and old:
        ways += [_other_bytes(old), _other_nodes(old), _other_nodes(old), _other_nodes(old)]
    return st.one_of(ways)


@st.composite
def _other_bytes(draw: st.DrawFn, old: bytes) -> bytes:
    changed = bytearray(old)
    for _ in range(draw(st.sampled_from((0, 1, 1, 3, 20)))):
        changed[draw(st.integers(0, len(changed) - 1))] = draw(st.integers(0, 255))
    return bytes(changed[: draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])


@st.composite
def _other_nodes(draw: st.DrawFn, old: bytes) -> bytes:
    """Return a payload with another value in the place of one of its own; the rest still makes sense."""
    try:
        tree = msgspec.msgpack.decode(old[1:])
    except ValueError:
        return old
    places = list(_places(tree))
    if not places:
        return old
    parent, key = draw(st.sampled_from(places))
    node: Any = draw(st.sampled_from((*_NODES, *_TRAPS, *(found[at] for found, at in places))))
    # A part has the bytes of a serializer behind its kind.
    if isinstance(parent[key], bytes) and not isinstance(node, bytes) and draw(st.booleans()):
        node = b"\0" + msgspec.msgpack.encode(node)
    parent[key] = node
    return old[:1] + msgspec.msgpack.encode(tree)


_TRAPS: Final = tuple(traps())


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = range(len(node)) if isinstance(node, list) else list(node) if isinstance(node, dict) else ()
    for key in keys:
        yield node, key
        yield from _places(node[key])


async def use(url: str, **options: Any) -> int:
    """Do all that reads or changes threads; return how many calls were refused, each with a typed error."""
    refused = 0
    async with open_store(url, **options) as store:
        saver = SessionSaver(store, types=[Preferences])
        for call in _calls(store, saver):
            try:
                await call()
            except SessionsError as error:
                assert str(error).isprintable()  # noqa: PT017 - it may also succeed
                refused += 1
    return refused


def _calls(store: Store, saver: SessionSaver) -> list[Callable[[], Awaitable[Any]]]:
    async def listed(config: Any, **options: Any) -> None:
        async for _ in saver.alist(config, **options):
            pass

    async def going_on() -> None:
        found = await saver.aget_tuple(thread("a"))
        if found is not None:
            late: Any = {**found.checkpoint, "id": "z"}
            await saver.aput(found.config, late, {"source": "loop"}, {"messages": 99})
            await saver.aput_writes(found.config, [("messages", ["x" * 3000])], "task")

    async def verified() -> None:
        async for _ in store.verify():
            pass

    async def adopted() -> None:
        async with InMemorySaver(types=[Preferences]) as other:
            await other.aadopt(saver)

    return [
        lambda: saver.aget_tuple(thread("a")),
        lambda: saver.aget_tuple(thread("b")),
        lambda: listed(None),
        lambda: listed(thread("a"), filter={"step": 1}),
        lambda: saver.aget_delta_channel_history(config=thread("a"), channels=["messages"]),
        lambda: saver.conversation("a").get_items(),
        lambda: saver.conversation("a").entries(),
        lambda: saver.conversation("d").get_items(),
        lambda: saver.aget_delta_channel_history(config=thread("d"), channels=["messages"]),
        saver.athreads,
        verified,
        adopted,
        lambda: saver.acopy_thread("a", "c"),
        going_on,
        lambda: saver.adelete_for_runs(["r"]),
        lambda: saver.aset_ttl("a", 1000),
        lambda: saver.aprune(["a", "b"]),
        lambda: saver.adelete_thread("a"),
        lambda: ThreadStore(store._backend).erase("b", scrub=False),
    ]


_WATCHED: Final = (
    "import",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "pickle.find_class",
)
_HARMLESS: Final = ("sessions", "langgraph", "langchain", "numpy", "_")


class _Audit:
    """Python's audit events, noted while somebody asks. A hook stays for the life of the process, so there is one."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] | None = None
        self._is_hooked = False

    def begin(self) -> None:
        if not self._is_hooked:
            sys.addaudithook(self._notice)
            self._is_hooked = True
        self.seen = []

    def _notice(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.seen is not None and event in _WATCHED:
            name = str(arguments[0])
            if event != "import" or not name.startswith(_HARMLESS):
                self.seen.append((event, name))


_audit: Final = _Audit()


@contextmanager
def nothing_is_run() -> Iterator[None]:
    """Fail if a module is imported in the block, a program started, a pickle read, or a planted class constructed."""
    Planted.made.clear()
    _audit.begin()
    try:
        yield
    finally:
        seen, _audit.seen = _audit.seen, None
    assert seen == []
    assert Planted.made == []

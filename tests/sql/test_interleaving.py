"""Another process appends before each statement of an operation: the log is sound and nothing acknowledged is lost.

The operation runs in this process; before its n-th statement and before each one after it, a thread with an event loop
and an engine of its own appends to the same session. Once the operation holds the lock, the append waits and goes on
afterwards. That n is the last one: a transaction only gains locks, and an append that begins later waits as well.
"""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import ConflictError, Store, open_store
from sessions.clock import NEVER
from sessions.codecs.json import JSONCodec
from sessions.db.dialect import SQLITE
from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.transaction import Certain, Statement
from sessions.items.calls import classify
from sessions.items.repair import Damage
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.append import Append
from sessions.log.component import conversations
from sessions.log.context.repair import repair_branch
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.core.extend import NewEntry
from sessions.log.core.item_keys import item_key
from sessions.log.history.attempt import Attempt, begin_attempt, commit_attempt, end_attempt
from sessions.log.history.branches import ForkPlace, create_branch, delete_branch, rename_branch, switch_branch
from sessions.log.history.siblings import choose_sibling
from sessions.log.history.undo import redo, rewind, undo
from sessions.log.info import SetInfo
from sessions.log.lifetime.audit import Done
from sessions.log.lifetime.remove import clear, delete
from sessions.log.lifetime.retain import Removal, Rule, judge, remove_sessions, trim_session
from sessions.log.pop import Pop
from sessions.log.statements.sessions import SESSION_TIMES
from sessions.session.attempts import begin
from sessions.types import Sibling
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, MutableMapping
    from concurrent.futures import Future

    from sessions.db.transaction import Row, Transaction

CODEC = JSONCodec()
CONVERSATION = Conversation("s", CODEC, SDKSessions(ForeignTables()))
_BLOCKED_AFTER = 0.3
"""On SQLite, what has not ended by then waits for a lock, or will be seen as if it did: both are sound."""

_RARE = [pytest.param(name, marks=pytest.mark.everything) for name in ("empty", "left")]
_BEGINS = ["absent", "filled", "attempted", *_RARE]
"""How the session is before: as it is where users meet each other, and with ``--everything`` the rare ways, too."""


def item(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _append(tx: Transaction) -> None:
    items = [item("operation")]
    entries = [NewEntry(payload, *kind) for payload, kind in zip(CODEC.encode_all(items), classify(items), strict=True)]
    Append(CONVERSATION, entries, 1)(tx)


class Listed:
    """The siblings that somebody lists before choosing one, and the attempt that somebody has begun."""

    attempt = Attempt("\x01", "main", 0, 0)

    sibling = Sibling(1, 1, 1, current=False, branch=None, last_activity=datetime.now(UTC), entry="e1-1-1")


def _without_the_second(items: list[Any]) -> tuple[list[Any], list[Damage]]:
    """As if the second item had to go: what comes after it is written anew."""
    return [*items[:1], *items[2:]], [Damage("orphan_output", 1)] if len(items) > 1 else []


def _append_keyed(tx: Transaction) -> None:
    (payload,) = CODEC.encode_all([item("operation")])
    Append(CONVERSATION, [NewEntry(payload, "user", None, None, item_key("k", b""))], 1, keyed=True)(tx)


def _retain(tx: Transaction, keep: int | None) -> list[int | None]:
    """Judge the session and remove what goes of it; return how many entries that were, if it was not used meanwhile."""
    row = tx.one(SESSION_TIMES, session_id="s")
    rule = Rule.of(RetentionPolicy(older_than=1, keep_turns=keep), NEVER)
    found = judge(tx, CONVERSATION, row[0], [rule]) if row else None
    if found is None:
        return []
    removal = Removal(Done("retain"), 1, 500, has_keys=False)
    if keep is not None:
        return [trim_session(tx, CONVERSATION, found, removal)]
    return [one and one.entries for one in remove_sessions(tx, [found], removal, SDKSessions(ForeignTables()))]


OPERATIONS: dict[str, Callable[[Transaction], object]] = {
    "append": _append,
    "append with keys": _append_keyed,
    "pop": Pop(CONVERSATION, 1, strict=False),
    "clear": lambda tx: clear(tx, CONVERSATION, 1),
    "delete": lambda tx: delete(tx, "s", SDKSessions(ForeignTables())),
    "retain": lambda tx: _retain(tx, None),
    "retain turns": lambda tx: _retain(tx, 1),
    "undo": lambda tx: undo(tx, CONVERSATION, 1, branch=None, turns=1),
    "redo": lambda tx: redo(tx, CONVERSATION, 1, branch=None),
    "fork": lambda tx: create_branch(tx, CONVERSATION, 1, "new", source=None, place=ForkPlace(turn=1), switch=False),
    "fork and switch": lambda tx: create_branch(
        tx, CONVERSATION, 1, "new", source=None, place=ForkPlace(), switch=True
    ),
    "switch": lambda tx: switch_branch(tx, CONVERSATION, 1, "b"),
    "rename": lambda tx: rename_branch(tx, CONVERSATION, 1, "b", "c"),
    "delete branch": lambda tx: delete_branch(tx, CONVERSATION, 1, "b", force=False),
    "repair": lambda tx: repair_branch(tx, CONVERSATION, 1, _without_the_second, branch=None),
    "rewind": lambda tx: rewind(tx, CONVERSATION, 1, branch=None, turn=1),
    "begin an attempt": lambda tx: begin_attempt(tx, CONVERSATION, 1, branch=None, turn=1, claim="another"),
    "begin an attempt at the end": lambda tx: begin_attempt(
        tx, CONVERSATION, 1, branch=None, turn=None, claim="another"
    ),
    "commit an attempt": lambda tx: commit_attempt(tx, CONVERSATION, 1, Listed.attempt),
    "keep an attempt": lambda tx: end_attempt(tx, CONVERSATION, 1, Listed.attempt.name, drop=False),
    "drop an attempt": lambda tx: end_attempt(tx, CONVERSATION, 1, Listed.attempt.name, drop=True),
    "set info": SetInfo(CONVERSATION, 1, {"archived": 1}, {"title": "t", "tags": ("a", "b")}),
    "choose": lambda tx: choose_sibling(tx, CONVERSATION, 1, Listed.sibling, None, pinned=False),
}
WAITING = Statement(
    "How many transactions of the server wait for locks. Nobody else uses it; SQLite does not say it.",
    "select 0",
    {
        "postgresql": "select count(*) from pg_locks where not granted",
        "mysql": (
            "select variable_value + 0 from information_schema.global_status "
            "where variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'"
        ),
    },
)
ALL_PAYLOADS = Statement("Everything.", "select payload from {entries} order by id")


class InterruptedTransaction(Certain):
    """Calls `interrupt` before the n-th statement, from 1, and before each one after it."""

    def __init__(self, tx: Transaction, first: int, interrupt: Callable[[], None]) -> None:
        self._tx = tx
        self.database = tx.database
        self.left = first
        self._interrupt = interrupt

    @property
    def known(self) -> MutableMapping[Hashable, Any]:
        return self._tx.known

    def run(self, statement: Statement, /, **values: Any) -> None:
        self._count()
        self._tx.run(statement, **values)

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        self._count()
        return self._tx.one(statement, **values)

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        self._count()
        return self._tx.all(statement, **values)

    def pages(self, statement: Statement, /, **values: Any) -> Iterator[list[Row]]:
        self._count()
        yield from self._tx.pages(statement, **values)

    def many(self, statement: Statement, rows: Iterable[tuple[Any, ...]], /) -> None:
        self._count()
        self._tx.many(statement, rows)

    def beside(self, compute: Callable[[], Any], /) -> Callable[[], Any]:
        return self._tx.beside(compute)

    def _count(self) -> None:
        self.left -= 1
        if self.left <= 0:
            self._interrupt()


def waits(tx: Transaction, has_ended: Callable[[], bool]) -> bool:
    """Wait until another process has ended what it does, or waits for a lock; tell whether that is so."""
    until = time.monotonic() + _BLOCKED_AFTER
    while not has_ended():
        if (time.monotonic() > until if tx.database == SQLITE else tx.the(WAITING)[0]) and not has_ended():
            return True
        time.sleep(0.001)
    return False


class Elsewhere:
    """Another process, which appends pairs of items: a thread with an event loop and an engine of its own."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._store = open_store(url)
        self._appending: Future[None] | None = None
        self.added: list[str] = []
        self.waits_at_once = False

    def begin(self) -> None:
        """Begin with nothing added."""
        self.added = []
        self._appending = None
        self.waits_at_once = False

    def interrupt(self, tx: Transaction) -> None:
        """Append, and go on when it is done or has to wait; nothing if an append waits already."""
        if self._appending is None or self._appending.done():
            is_first = self._appending is None
            self._appending = asyncio.run_coroutine_threadsafe(self._append(), self._loop)
            self.waits_at_once = waits(tx, self._appending.done) and is_first

    def finish(self) -> None:
        """Wait for the append that waits."""
        if self._appending is not None:
            self._appending.result()

    def end(self) -> None:
        """End the thread."""
        asyncio.run_coroutine_threadsafe(self._store.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _append(self) -> None:
        number = len(self.added) // 2
        pair = [f"elsewhere {number}a", f"elsewhere {number}b"]
        await self._store.session("s").add_items([item(text) for text in pair])
        self.added += pair


@pytest.fixture
def elsewhere(url: str) -> Iterator[Elsewhere]:
    made = Elsewhere(url)
    yield made
    made.end()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("begins", _BEGINS)
@pytest.mark.parametrize("url", ["postgres", "mariadb"], indirect=True)
async def test_appends_between_any_two_statements(url: str, elsewhere: Elsewhere, begins: str, operation: str) -> None:
    alone = {"commit an attempt", "keep an attempt", "drop an attempt", "retain", "retain turns"}
    if begins == "absent" and operation in alone:
        return  # One statement finds that there is nothing to end or to remove.
    engine = create_async_engine(url)
    backend = SQLAlchemyBackend(engine, components=[conversations(ForeignTables())])
    async with open_store(url, create_tables=True) as store:
        first = 0
        while not elsewhere.waits_at_once:
            first += 1
            await store.delete("s")
            before = await _begin(store, begins)
            elsewhere.begin()
            result, left = await _run(backend, OPERATIONS[operation], first, elsewhere)
            await asyncio.to_thread(elsewhere.finish)
            if left > 0:
                break
            await store.session("s").add_items([item("next")])
            last = (await store.session("s").get_items(1))[0]["content"]
            assert last == "next"
            _check(operation, result, before + elsewhere.added, await _stored(store))
    await engine.dispose()
    assert elsewhere.waits_at_once or first > 2, "nothing was interrupted"


async def _begin(store: Store, begins: str) -> list[str]:
    session = store.session("s")
    if begins != "absent":
        await session.add_items([item("1"), item("2"), item("3")])
        await session.branches.create("b", turn=2)
    if begins == "left":
        # Two ways through the first turn, the last one undone in part.
        await session.undo(3)
        await session.add_items([item("1b"), item("2b")])
        await session.undo()
        Listed.sibling, _ = await session.siblings(1)
    if begins == "attempted":
        handle = session._handle
        Listed.attempt = await begin(handle, 2)
        await session._with(handle.attempting(Listed.attempt.name)).add_items([item("2b"), item("3b")])
    if begins == "empty":
        await session.clear_session()
    return await _stored(store)


async def _stored(store: Store) -> list[str]:
    """Return what the stored items say, in the order of their places."""
    payloads = await store._backend.read(lambda tx: tx.all(ALL_PAYLOADS), "this test")
    return [CODEC.decode(bytes(payload))["content"] for (payload,) in payloads]


async def _run(
    backend: SQLAlchemyBackend, work: Callable[[Transaction], object], first: int, elsewhere: Elsewhere
) -> tuple[Any, int]:
    """Do `work` and return its result, and how many statements there were too few to be interrupted."""

    def interrupted(tx: Transaction) -> tuple[Any, int]:
        between = InterruptedTransaction(tx, first, partial(elsewhere.interrupt, tx))
        try:
            return work(between), between.left
        except (ConflictError, ValueError) as refused:
            return refused, between.left

    return await backend.write(interrupted, "session 's'")


def _check(operation: str, result: Any, added: list[str], stored: list[str]) -> None:
    """Check what is stored after `operation` in the midst of what was `added` before it and elsewhere."""
    stored.remove("next")
    if operation == "retain turns":
        assert len(stored) == len(added) - sum(count or 0 for count in result)
        assert set(stored) <= set(added)
        return
    if operation in {"clear", "delete"} or (operation == "retain" and result and result[0] is not None):
        # What was added before is gone, what was added afterwards is all there.
        assert stored == added[len(added) - len(stored) :]
        assert len(stored) % 2 == 0
        return
    if operation == "repair":
        # What comes after the damage is there twice; what is left behind, once.
        assert set(stored) == set(added)
        return
    expected = sorted(added)
    if operation == "drop an attempt" and "2b" not in stored:
        expected = [text for text in expected if text not in {"2b", "3b"}]
    if operation.startswith("append"):
        expected = sorted([*added, "operation"])
    elif operation == "pop" and result[0]:
        expected.remove(result[0]["content"])
    if operation == "pop" and len(stored) < len(expected):
        # It was popped from among what had been undone: that went, too.
        gone = set(expected) - set(stored)
        assert gone <= {"2b"}
        expected = [text for text in expected if text not in gone]
    assert sorted(stored) == expected

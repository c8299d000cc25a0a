"""Altering every column of every table, and all that can be done with a session afterwards."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions import EncryptedSession, SessionsError, generate_key
from sessions.db.transaction import Statement
from sessions.encrypted import handle_of
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from sessions.db.transaction import Transaction
    from sessions.session.base import LogSession
    from sessions.store.store import Store

    Operation: TypeAlias = Callable[[LogSession], Awaitable[Any]]

NAME: Final = "damaged"
OTHER: Final = "other"
KEY: Final = generate_key()

INTEGERS: Final = (-(1 << 63), -1, 0, 1, (1 << 28) + 1, 1 << 35, 1 << 62, (1 << 63) - 1)
TEXTS: Final = ("", "nobody", "\x01", "x" * 250, "☃")
BYTES: Final = (b"", b"\xff\xfe", b"{", b"[]", b"null", b"\x01\x02", b"[" * 5000, b'{"role": 1e999}')

COLUMNS: Final[dict[str, dict[str, tuple[Any, ...]]]] = {
    "sessions": {
        "version": INTEGERS, "branch": TEXTS, "created_at": INTEGERS, "updated_at": INTEGERS, "wrapped_keys": BYTES,
        "leases": INTEGERS, "annotated": INTEGERS,
    },
    "segments": {
        "id": INTEGERS, "session": INTEGERS, "parent": INTEGERS, "fork_position": INTEGERS, "turn": INTEGERS,
        "holes": INTEGERS,
    },
    "branches": {
        "session": INTEGERS, "name": TEXTS, "segment": INTEGERS, "parent": INTEGERS, "fork_position": INTEGERS,
        "tip": INTEGERS, "turn": INTEGERS, "floor": INTEGERS, "may_extend": INTEGERS, "forked_from": TEXTS,
        "forked_at": INTEGERS, "forked_turn": INTEGERS, "reflog_of": TEXTS, "pending": INTEGERS, "created_at": INTEGERS,
        "updated_at": INTEGERS, "made_in": INTEGERS, "changed_in": INTEGERS, "lease_token": INTEGERS,
        "lease_until": INTEGERS, "lease_open": INTEGERS, "lease_from": INTEGERS, "lease_holder": TEXTS,
        "lease_claim": TEXTS,
    },
    "entries": {
        "id": INTEGERS, "version": INTEGERS, "turn": INTEGERS, "kind": TEXTS, "tool_name": TEXTS, "author": TEXTS,
        "created_at": INTEGERS, "expires_at": INTEGERS, "payload": BYTES,
    },
    "appends": {
        "session": INTEGERS, "idempotency_key": TEXTS, "digest": BYTES, "version": INTEGERS, "tip": INTEGERS,
        "created_at": INTEGERS,
    },
    "changes": {"session": INTEGERS, "version": INTEGERS, "what": TEXTS, "created_at": INTEGERS},
    "usage": {
        "session": INTEGERS, "usage_key": TEXTS, "place": INTEGERS, "turn": INTEGERS, "model": TEXTS, "agent": TEXTS,
        "requests": INTEGERS, "input_tokens": INTEGERS, "cached_tokens": INTEGERS, "cache_write_tokens": INTEGERS,
        "output_tokens": INTEGERS, "reasoning_tokens": INTEGERS, "cost": INTEGERS, "created_at": INTEGERS,
    },
    "waiting": {"session": INTEGERS, "ticket": INTEGERS, "branch": TEXTS, "claim": TEXTS, "until": INTEGERS},
    "settings": {"name": TEXTS, "value": BYTES},
}  # fmt: skip
"""Every column but `sessions.id`, `sessions.session_id` (then it is another session) and the record of migrations."""

_OF_SESSION: Final = f"(select s.id from {{sessions}} s where s.session_id = '{NAME}')"  # noqa: S608 - words of this module
_WHERE: Final = {
    "sessions": f"session_id = '{NAME}'",
    "entries": f"id / 268435456 in (select g.id from {{segments}} g where g.session = {_OF_SESSION})",  # noqa: S608
    "settings": "1 = 1",
}
_WHERE_MARIADB: Final = {"entries": _WHERE["entries"].replace(" / ", " div ")}
_KEYS: Final = {"segments": "id", "branches": "name", "entries": "id"}


class Alteration(NamedTuple):
    """One column of one table set to a value: in all of a session's rows, or in its last one."""

    table: str
    column: str
    value: Any
    last_only: bool = False

    def statement(self) -> Statement:
        """Return the statement that does it."""
        texts = {}
        for database in ("sqlite", "postgresql", "mysql"):
            places = {**_WHERE, **(_WHERE_MARIADB if database == "mysql" else {})}
            where = places.get(self.table, f"session = {_OF_SESSION}")
            if self.last_only:
                key = _KEYS[self.table]
                # The derived table, as MariaDB does not select from what it updates.
                where = f"{key} = (select k from (select max({key}) as k from {{{self.table}}} where {where}) m) and {where}"  # noqa: S608, E501
            texts[database] = f"update {{{self.table}}} set {self.column} = :value where {where}"  # noqa: S608
        return Statement("Alter a column.", texts["sqlite"], texts)


REFERENCES: Final = {
    "a segment is its own parent": "update {segments} set parent = id where session = {of}",
    "the last segment is its own parent": "update {segments} set parent = id where id = {last}",
    "two segments are each other's parents": (
        "update {segments} set parent = {first} + {last} - id where session = {of}"
    ),
    "a parent that is not there": "update {segments} set parent = 4000000 where id = {last}",
    "another session's segment as parent": "update {segments} set parent = {theirs} where id = {last}",
    "parents of branches and segments in a cycle": (
        "update {segments} set parent = id where session = {of}",
        "update {branches} set parent = segment where session = {of}",
    ),
    "a branch in another session's segment": "update {branches} set segment = {theirs} where session = {of}",
    "one branch in another session's segment": (
        "update {branches} set segment = {theirs} where session = {of} and name = 'b'"
    ),
    "a segment that is another session's": "update {segments} set session = {of_theirs} where id = {last}",
    "another session's segment is ours": "update {segments} set session = {of} where id = {last}",
    "branches made from each other": "update {branches} set forked_from = name where session = {of}",
    "a segment is gone": "delete from {segments} where id = {last}",
    "all segments are gone": "delete from {segments} where session = {of}",
    "all branches are gone": "delete from {branches} where session = {of}",
    "an entry is gone": "delete from {entries} where id = {first} * 268435456 + 2",
    "the tips are far away": "update {branches} set tip = tip + 1000000 where session = {of}",
}
"""Rows that point where they must not, by what is wrong."""

READS: Final[dict[str, Operation]] = {
    "get_items": lambda session: session.get_items(),
    "get_items(2)": lambda session: session.get_items(2),
    "window": lambda session: session.window(3),
    "entries": lambda session: session.entries(),
    "entries after": lambda session: session.entries(2, after=1),
    "turns": lambda session: session.turns(),
    "turns(1)": lambda session: session.turns(1),
    "get_turn": lambda session: session.get_turn(2),
    "siblings": lambda session: session.siblings(2),
    "summaries": lambda session: session.summaries(),
    "tree": lambda session: session.tree(),
    "version": lambda session: session.version(),
    "on_branch": lambda session: session.on_branch("b").get_items(),
    "list": lambda session: session.branches.list(),
    "compare": lambda session: session.branches.compare("main", "b"),
    "total": lambda session: session.usage.total(),
    "by": lambda session: session.usage.by("turn", "day"),
    "tools": lambda session: session.usage.tools(),
    "watch": lambda session: _watch(session, 0),
    "watch later": lambda session: _watch(session, 3),
}

CHANGES: Final[dict[str, Operation]] = {
    "add_items": lambda session: session.add_items([item("u8"), item("a8")]),
    "add_items with a key": lambda session: session.add_items([item("u9")], idempotency_key="k"),
    "retry": lambda session: session.add_items([item("u1"), item("a1")], idempotency_key="first"),
    "on_branch": lambda session: session.on_branch("b").add_items([item("u8")]),
    "pop_item": lambda session: session.pop_item(),
    "pop_item of b": lambda session: session.on_branch("b").pop_item(),
    "undo": lambda session: session.undo(),
    "redo": lambda session: session.redo(),
    "repair": lambda session: session.repair(apply=True),
    "compact": lambda session: session.compact(_summary, keep_turns=1),
    "undo_compaction": lambda session: session.undo_compaction(),
    "handover": lambda session: session.handover("billing"),
    "create": lambda session: session.branches.create("c", turn=2),
    "switch": lambda session: session.branches.switch("b"),
    "rename": lambda session: session.branches.rename("b", "d"),
    "delete": lambda session: session.branches.delete("b", force=True),
    "record": lambda session: session.usage.record(input_tokens=1),
    "lease": lambda session: _lease(session),  # noqa: PLW0108 - it is below
    "purge_expired": lambda session: session.purge_expired(),
    "clear_session": lambda session: session.clear_session(),
    "add_items to what was cleared": lambda session: session.add_items([item("u1")]),
}
"""In this order, one after the other: what one of them repairs or refuses, the next ones find so."""

_SECONDS: Final = 30
"""An operation that takes longer hangs, on a machine that is busy, too."""


async def _summary(items: list[Any]) -> str:
    return f"{len(items)} items"


async def _watch(session: LogSession, after: int) -> None:
    with suppress(TimeoutError):
        async with aclosing(session.watch(after=after)) as changes, asyncio.timeout(0.05):
            async for _ in changes:
                pass


async def _lease(session: LogSession) -> None:
    async with session.lease(on_busy="reject", timeout=0.05) as leased:
        await leased.add_items([item("u7")])


class Damaged:
    """Two sessions of a store, one of which is altered.

    Args:
        store: The store.
        encrypted: Whether they are encrypted.
    """

    def __init__(self, store: Store, *, encrypted: bool) -> None:
        self._store = store
        self._encrypted = encrypted
        self.expected: list[str] = []

    def session(self, name: str = NAME) -> LogSession:
        """Return a session."""
        plain = self._store.session(name)
        return EncryptedSession(name, plain, KEY, ttl=None) if self._encrypted else plain

    async def fill(self) -> None:
        """Put turns, branches, something undone, a summary, usage and a lease into one, and a little into the other."""
        other = self.session(OTHER)
        await other.add_items([item("u-o1"), item("a-o2")])
        await other.branches.create("b", position=1, switch=True)
        await other.add_items([item("a-o3")])
        session = self.session()
        await session.add_items([item("u1"), item("a1")], idempotency_key="first")
        await session.add_items([item("u2"), item("a2")])
        await session.usage.record(input_tokens=5, model="m", key="once")
        await session.branches.create("b", turn=2)
        await session.on_branch("b").add_items([item("u2b"), item("a2b")])
        await session.add_items([item("u3"), item("a3")])
        await session.undo()
        async with session.lease(holder="somebody"):
            pass
        self.expected = [found["content"] for found in await session.get_items()]

    async def alter(self, *statements: Statement, **values: Any) -> bool:
        """Execute statements; tell whether the database took them."""

        def write(tx: Transaction) -> None:
            for statement in statements:
                tx.run(statement, **values)

        try:
            await handle_of(self._store.session(NAME)).backend.write(write, "test")
        except (SessionsError, OverflowError):
            return False
        return True

    async def reference(self, name: str) -> bool:
        """Alter rows as one of `REFERENCES` says."""
        texts = REFERENCES[name]

        def numbers(tx: Transaction) -> dict[str, int]:
            def segments(session_id: str) -> tuple[Any, ...]:
                row = tx.one(
                    Statement(
                        "A session and its segments.",
                        "select s.id, min(g.id), max(g.id) from {sessions} s join {segments} g on g.session = s.id "
                        "where s.session_id = :session_id group by s.id",
                    ),
                    session_id=session_id,
                )
                assert row
                return row

            of, first, last = segments(NAME)
            of_theirs, theirs, _ = segments(OTHER)
            return {"of": of, "first": first, "last": last, "of_theirs": of_theirs, "theirs": theirs}

        found = await handle_of(self._store.session(NAME)).backend.read(numbers, "test")
        statements = []
        for text in (texts,) if isinstance(texts, str) else texts:
            for word, number in found.items():
                text = text.replace(f"{{{word}}}", str(number))  # noqa: PLW2901
            statements.append(Statement("Alter rows.", text))
        return await self.alter(*statements)

    async def check(self, what: str, operations: dict[str, Operation]) -> None:
        """Do all of it: each gives what is right or an error of ours that names the session; the other one goes on."""
        for name, operation in operations.items():
            where = f"{what}: {name}"
            try:
                async with asyncio.timeout(_SECONDS):
                    found = await operation(self.session())
            except SessionsError as error:
                if str(error).count(f"session {NAME!r}: ") > 1 or repr(NAME) not in str(error):
                    raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
            except Exception as error:
                raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
            else:
                if name in {"get_items", "get_items(2)"}:
                    self._check_items(where, found)
        await self.check_other(what)

    def _check_items(self, where: str, found: list[Any]) -> None:
        """Go on if items are some of those that were added, in their order: nobody else's, and none twice."""
        texts = iter(self.expected)
        assert all(one.get("content") in texts for one in found if one.get("content") is not None), f"{where}: {found}"

    async def check_other(self, what: str) -> None:
        """Go on if the other session is as it was, is listed, and can be appended to."""
        other = self.session(OTHER)
        async with asyncio.timeout(_SECONDS):
            texts = [found["content"] for found in await other.get_items()]
            assert texts[:2] == ["u-o1", "a-o3"], f"{what}: {texts}"
            assert set(texts[2:]) <= {"a-o4"}, f"{what}: {texts}"
            await other.add_items([item("a-o4")])
            assert await other.pop_item() == item("a-o4"), what
            assert OTHER in {found.session_id for found in await self._store.sessions()}, what

"""Fixtures of the contract for encrypted sessions: sessions, keys, and all operations of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from uuid import uuid4

import pytest

from sessions.crypto.keys import KeyRing, generate_key
from sessions.encrypted import EncryptedSession
from sessions.testing.compaction_model import joined
from sessions.testing.encrypted.rows import Rows
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession

    Operation: TypeAlias = Callable[[LogSession], Awaitable[object]]

E = TypeVar("E", bound=Exception)

CALL: Final = {"type": "function_call", "name": "look", "call_id": "1", "arguments": "{}"}
OUTPUT: Final = {"type": "function_call_output", "call_id": "1", "output": "found"}
KEYS: Final = {"old": generate_key(), "new": generate_key()}


async def _lease(session: LogSession, **options: Any) -> None:
    async with session.lease(**options):
        pytest.fail("a lease was taken")


async def _attempt(session: LogSession, turn: int | None = None) -> None:
    async with session.attempt(turn):
        pytest.fail("an attempt began")


READS: Final[dict[str, Operation]] = {
    "get_items": lambda session: session.get_items(),
    "get_items(1)": lambda session: session.get_items(1),
    "turns": lambda session: session.turns(),
    "pop_item": lambda session: session.pop_item(),
}
"""What finds the last item; each takes another way through the store."""


OPERATIONS: Final[dict[str, Operation]] = {
    **READS,
    "get_items(0)": lambda session: session.get_items(0),
    "search": lambda session: session.search("1"),
    "window": lambda session: session.window(3),
    "get_turn": lambda session: session.get_turn(1),
    "turns(1)": lambda session: session.turns(1),
    "siblings": lambda session: session.siblings(2),
    "siblings_by_turn": lambda session: session.siblings_by_turn(),
    "ways_on": lambda session: session.ways_on(),
    "entries": lambda session: session.entries(),
    "entry": lambda session: session.entry(1),
    "add_items by an author": lambda session: session.as_author("x").add_items([item("u9")]),
    "add_items at a version": lambda session: session.add_items([item("u9")], expected_version=6),
    "repair": lambda session: session.repair(),
    "compact": lambda session: session.compact(joined, keep_turns=0),
    "undo_compaction": lambda session: session.undo_compaction(),
    "summaries": lambda session: session.summaries(),
    "handover": lambda session: session.handover("billing"),
    "tree": lambda session: session.tree(),
    "add_items": lambda session: session.add_items([item("u9")]),
    "add_items with a key": lambda session: session.add_items([item("u9")], idempotency_key="k"),
    "info": lambda session: session.info(),
    "set_info": lambda session: session.set_info(title="t"),
    "redact": lambda session: session.redact(1),
    "remove": lambda session: session.remove(1),
    "undo": lambda session: session.undo(),
    "rewind": lambda session: session.rewind(1),
    "attempt": _attempt,
    "attempt at a turn": lambda session: _attempt(session, 1),
    "redo": lambda session: session.redo(),
    "on_branch": lambda session: session.on_branch("b").get_items(),
    "list": lambda session: session.branches.list(),
    "create": lambda session: session.branches.create("c", matching="u1"),
    "switch": lambda session: session.branches.switch("b"),
    "rename": lambda session: session.branches.rename("b", "c"),
    "delete": lambda session: session.branches.delete("b"),
    "compare": lambda session: session.branches.compare("main", "b"),
    "record": lambda session: session.usage.record(input_tokens=1),
    "total": lambda session: session.usage.total(),
    "by": lambda session: session.usage.by("turn"),
    "tools": lambda session: session.usage.tools(),
    "clear_session": lambda session: session.clear_session(),
    "purge_expired": lambda session: session.purge_expired(older_than=1e-6),
    "purge_expired of their own": lambda session: session.purge_expired(older_than=None),
    "watch": lambda session: anext(session.watch()),
    "watch from the beginning": lambda session: anext(session.watch(after=0)),
    "watch from now": lambda session: anext(session.watch(after=6)),
    "lease": _lease,
    "lease that forks": lambda session: _lease(session, on_busy="fork"),
}
"""All operations of a session, except on a sibling (`choose`, `items_of`), `rotate`, and `NEED_NO_KEY`."""

NEED_NO_KEY: Final = ("version", "verify")
"""Methods of an encrypted session that need no key: neither a number of changes nor a finding has any content."""


class MakeEncrypted(Protocol):
    """Makes encrypted sessions."""

    def __call__(self, session_id: str, key: Any = ..., **options: Any) -> EncryptedSession:
        """Return a session of an id, opened with a key: that of the test, if not given."""
        ...


class EncryptedFixtures:
    """The fixtures of tests of encrypted sessions. They need the fixture `make`, as `HistoryContract` does."""

    @pytest.fixture
    def make_encrypted(self, make: MakeLogSession) -> MakeEncrypted:
        """Return a function that makes encrypted sessions."""
        ring = KeyRing({"old": KEYS["old"]})

        def encrypted(session_id: str, key: Any = ring, **options: Any) -> EncryptedSession:
            return EncryptedSession(session_id, make(session_id), key, **{"ttl": None, **options})

        return encrypted

    @pytest.fixture
    def rows(self, make: MakeLogSession) -> Rows:
        """Return the rows of the database."""
        return Rows(make("rows"))

    @pytest.fixture
    def name(self) -> str:
        """Return an id for a session."""
        return f"session-{uuid4()}"


async def raised(error: type[E], operation: Awaitable[object], what: str) -> E:
    """Return the error that an operation raised; fail and name the operation if it raised none."""
    try:
        await operation
    except error as caught:
        return caught
    pytest.fail(f"{what}: no {error.__name__}")


def texts_of(items: list[Any]) -> list[str]:
    """Return the texts of messages."""
    return [found["content"] for found in items]


def both() -> KeyRing:
    """Return a ring of the old key and the new one, which is current."""
    return KeyRing(KEYS, current="new")


def new() -> KeyRing:
    """Return a ring of the new key alone."""
    return KeyRing({"new": KEYS["new"]})


async def fill(session: LogSession, count: int = 10) -> list[str]:
    """Put turns of two messages into a session; return their texts."""
    texts = [f"{'a' if number % 2 else 'u'}{number}" for number in range(count)]
    await session.add_items([item(text) for text in texts])
    return texts

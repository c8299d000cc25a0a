"""Every integer that a public method takes, with every integer and what looks like one.

The method does what it does for a number that is out of range, or raises `TypeError`, `ValueError` or an error of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions import AdvancedSQLiteSession, SessionsError, open_store
from sessions.testing.compaction_model import joined
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


NUMBERS: list[Any] = [
    -(10**5000), -(10**30), -(2**63), -1, 0, 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, 10**5000,
]  # fmt: skip
NONE: list[Any] = [True, False, 1.0, 1e300, float("nan"), float("inf"), "1", b"1", [1]]

SESSION: dict[str, Callable[[Any, Any], Any]] = {
    "get_items": lambda session, n: session.get_items(n),
    "add_items, expected_version": lambda session, n: session.add_items([item("u9")], expected_version=n),
    "window, items": lambda session, n: session.window(n),
    "window, turns": lambda session, n: session.window(turns=n),
    "entries": lambda session, n: session.entries(n),
    "entries, before": lambda session, n: session.entries(before=n),
    "entries, after": lambda session, n: session.entries(after=n),
    "entries, after and limit": lambda session, n: session.entries(n, after=n),
    "turns": lambda session, n: session.turns(n),
    "turns, before": lambda session, n: session.turns(before=n),
    "turns, after": lambda session, n: session.turns(after=n),
    "get_turn": lambda session, n: session.get_turn(n),
    "siblings": lambda session, n: session.siblings(n),
    "undo": lambda session, n: session.undo(n),
    "compact, keep_turns": lambda session, n: session.compact(joined, keep_turns=n),
    "compact, keep_items": lambda session, n: session.compact(joined, keep_items=n),
    "create, turn": lambda session, n: session.branches.create("by turn", turn=n),
    "create, position": lambda session, n: session.branches.create("by position", position=n),
    "usage.total": lambda session, n: session.usage.total(turn=n),
    "usage.record": lambda session, n: session.usage.record(input_tokens=n),
    "usage.record, turn": lambda session, n: session.usage.record(input_tokens=1, turn=n),
    "purge_expired, batch": lambda session, n: session.purge_expired(batch=n),
}

STORE: dict[str, Callable[[Any, Any], Any]] = {
    "sessions, limit": lambda store, n: store.sessions(limit=n),
    "purge_expired, batch": lambda store, n: store.purge_expired(batch=n),
}

FLAT: dict[str, Callable[[Any, Any], Any]] = {
    "get_items": lambda session, n: session.get_items(n),
    "create_branch_from_turn": lambda session, n: session.create_branch_from_turn(n, "flat"),
    "get_turn_usage": lambda session, n: session.get_turn_usage(n),
}


async def _try_all(what: str, call: Callable[[Any, Any], Any], of: Any) -> None:
    for number in (*NUMBERS, *NONE):
        # Its digits may be more than Python writes.
        shown = f"{what} with {type(number).__name__} {number.bit_length() if isinstance(number, int) else number}"
        try:
            await call(of, number)
        except (TypeError, ValueError, SessionsError) as error:
            told = len(str(error))
        except Exception as error:
            raise AssertionError(f"{shown}: {type(error).__name__}: {error}") from error
        else:
            told = 0
            # Methods that users of the OpenAI Agents SDK know take what theirs take.
            assert type(number) is int or call in FLAT.values(), f"{shown} was taken"
        assert told < 1000, shown


async def test_every_integer_of_a_session_and_a_store(anywhere: str) -> None:
    """Fails without: validation.py, `LARGEST`."""
    async with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([item(text) for text in ("u1", "a1", "u2", "a2", "u3", "a3")])
        await session.branches.create("b", turn=2, switch=True)
        await session.add_items([item("u4")])
        for what, call in SESSION.items():
            await _try_all(what, call, session)
        for what, call in STORE.items():
            await _try_all(what, call, store)
        for number in (2**63, 10**30):
            changes = session.watch(after=number)
            assert (await anext(changes)).kind == "reset"
            await changes.aclose()


async def test_every_integer_of_the_flat_methods(tmp_path: Path) -> None:
    session = AdvancedSQLiteSession(session_id="s", db_path=tmp_path / "s.db")
    await session.add_items([item(text) for text in ("u1", "a1", "u2", "a2")])
    for what, call in FLAT.items():
        await _try_all(what, call, session)

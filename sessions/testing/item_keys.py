"""The contract for items with keys of their own, as tests to run on your own store.

As `sessions.testing.HistoryContract`.
"""

from __future__ import annotations

import asyncio
import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sessions.errors import (
    ConflictError,
    IdempotencyKeyReusedError,
    ItemKeyConflictError,
    SessionBusyError,
    UnknownBranchError,
    UnknownEntryError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.item_keys_model import ItemKeyMachine

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession
    from sessions.types import ItemDict


def _user(text: object) -> ItemDict:
    return {"role": "user", "content": str(text)}


async def _add(session: LogSession, *keys: str, **options: Any) -> None:
    """Add an item for each key, with the key as its text."""
    await session.add_items([_user(key) for key in keys], keys=list(keys), **options)


async def _keys(session: LogSession) -> str:
    """Return the keys of all entries, after comparing them with their items."""
    entries = await session.entries()
    assert all(entry.item == _user(entry.key) for entry in entries if entry.key is not None)
    return " ".join(entry.key or "-" for entry in entries)


class ItemKeyContract(SessionAndClock):
    """The guarantees of item keys in a session over the log. Give it the fixture `make`, as `SessionContract`."""

    EXAMPLES: ClassVar[int] = 40
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, make: MakeLogSession, time: MovableClock) -> None:
        run_state_machine_as_test(
            lambda: ItemKeyMachine(make, time),  # type: ignore[arg-type]
            settings=settings(
                max_examples=self.EXAMPLES,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
            ),
        )

    # --- Adding -------------------------------------------------------------------------------------------

    async def test_a_known_key_is_skipped_and_the_rest_is_added(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        await _add(session, "a", "b")
        await session.add_items([_user("-"), _user("c")], keys=[None, "c"])
        before = await session.version()
        for keys in ("ab", "c", "cab"):
            await _add(make(session.session_id), *keys)
        assert (await _keys(session), await session.version()) == ("a b - c", before)
        await session.add_items([_user(text) for text in "bdae"], keys=["b", "d", "a", None])
        assert await _keys(session) == "a b - c d -"
        assert await session.version() == before + 1

    async def test_all_kinds_of_items(self, session: LogSession) -> None:
        items: list[ItemDict] = [
            _user("hello"),
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "ü\U0001f600"},
            {"role": "assistant", "content": "bye"},
        ]
        keys = ["é", "x" * 255, "\U0001f600" * 63, " a key with spaces, 'quotes' and \\ "]
        for _ in range(2):
            await session.add_items(items, keys=keys)
        entries = await session.entries()
        assert [(entry.key, entry.item) for entry in entries] == list(zip(keys, items, strict=True))
        for entry in entries:
            assert await session.entry(key=entry.key) == await session.entry(id=entry.id) == entry
        assert [entry.turn for entry in entries] == [1, 1, 1, 1]

    async def test_keys_are_compared_byte_by_byte(self, session: LogSession) -> None:
        keys = ["key", "Key", "key ", " key", "ke\u0301y", "k\u00e9y", "1", "01", "\t"]
        await _add(session, *keys)
        await _add(session, *reversed(keys))
        assert [entry.key for entry in await session.entries()] == keys

    async def test_many_keys_at_once(self, session: LogSession) -> None:
        keys = [f"key {number}" for number in range(150)]
        await _add(session, *keys[:100])
        await _add(session, *reversed(keys))
        assert [entry.key for entry in await session.entries()] == [*keys[:100], *reversed(keys[100:])]
        found = await session.entries(7, after=95)
        assert [entry.key for entry in found] == [*keys[95:100], "key 149", "key 148"]

    async def test_each_session_has_its_keys(self, make: MakeLogSession) -> None:
        for name in ("one", "two"):
            await make(name).add_items([_user(name)], keys=["a"])
        assert [await make(name).get_items() for name in ("one", "two")] == [[_user("one")], [_user("two")]]

    @pytest.mark.parametrize("later", [False, True])
    async def test_another_item_with_a_known_key_is_refused(self, session: LogSession, *, later: bool) -> None:
        await _add(session, "a", "b")
        if later:
            await session.add_items([_user("later")])
            await session.undo()
        before = await session.version()
        for item in (_user("b "), {"role": "assistant", "content": "b"}, {**_user("b"), "id": "1"}):
            with pytest.raises(ItemKeyConflictError, match=r"items\[2\]") as caught:
                await session.add_items([_user("c"), _user("a"), item], keys=["c", "a", "b"])
            assert caught.value.key == "b"
            assert "content" not in str(caught.value)
        assert (await _keys(session), await session.version()) == ("a b", before)
        # The order of an item's keys says nothing.
        await session.add_items([{"content": "b", "role": "user"}], keys=["b"])
        assert await _keys(session) == "a b"

    # --- Ways ----------------------------------------------------------------------------------------------------

    async def test_on_another_way_a_known_key_is_added_again(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        await session.undo()
        await _add(session, "b")
        assert await _keys(session) == "a b"
        assert (await session.siblings())[0].count == 2
        await session.branches.create("branch", turn=2)
        branch = session.on_branch("branch")
        await _add(branch, "a", "b", "c")
        assert (await _keys(branch), await _keys(session)) == ("a b c", "a b")
        with pytest.raises(ItemKeyConflictError):
            await branch.add_items([_user("B")], keys=["b"])
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([_user("C")], keys=["c"])

    async def test_a_branch_inherits_the_keys_of_what_it_was_made_from(self, session: LogSession) -> None:
        await _add(session, "a", "b", "c")
        await session.branches.create("branch", turn=3)
        branch = session.on_branch("branch")
        await _add(branch, "a", "b")
        assert await _keys(branch) == "a b"
        await _add(branch, "c", "d")
        assert await _keys(branch) == "a b c d"

    async def test_after_redo_a_key_is_known_again(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        await session.undo()
        await session.redo()
        await _add(session, "b")
        assert await _keys(session) == "a b"

    async def test_a_skipped_append_leaves_the_way_forward(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        await session.undo()
        await _add(session, "a")
        await session.redo()
        assert await _keys(session) == "a b"

    async def test_the_entry_on_the_branch_is_found_first(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        await session.branches.create("branch", turn=2)
        branch = session.on_branch("branch")
        await _add(branch, "b")
        for each in (session, branch):
            assert await each.entry(key="b") == (await each.entries())[1]
        # On neither, the one that was added last.
        await session.branches.create("other", turn=2)
        assert await session.on_branch("other").entry(key="b") == (await branch.entries())[1]

    async def test_a_key_that_is_not_there(self, make: MakeLogSession, session: LogSession) -> None:
        with pytest.raises(UnknownEntryError):
            await session.entry(key="a")
        await session.add_items([_user("a")])
        await _add(make("another"), "a")
        with pytest.raises(UnknownEntryError, match="that key"):
            await session.entry(key="a")
        await _add(session, "b")
        await session.pop_item()
        with pytest.raises(UnknownEntryError):
            await session.entry(key="b")

    async def test_a_repaired_branch_keeps_its_keys(self, session: LogSession) -> None:
        items: list[ItemDict] = [
            _user("a"),
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
            _user("b"),
        ]
        for _ in range(2):
            await session.add_items(items, keys=["a", None, "b"] if not await session.entries() else ["a", "call", "b"])
            await session.repair(apply=True)
        entries = await session.entries()
        assert [entry.key for entry in entries if entry.key != "call"].count("b") == 1
        assert (await session.entry(key="b")) in entries
        assert sum(entry.item == _user("b") for entry in entries) == 1

    async def test_keys_behind_a_summary_are_known(self, session: LogSession) -> None:
        await _add(session, "a", "b", "c", "d")

        async def summarise(items: list[Any]) -> list[Any]:
            return [_user(f"{len(items)} items")]

        assert await session.compact(summarise, keep_turns=1) is not None
        await _add(session, "a", "b", "d", "e")
        assert [entry.key for entry in await session.entries() if not entry.hidden] == ["a", "b", "c", "d", "e"]

    @pytest.mark.parametrize("fails", [False, True])
    async def test_in_an_attempt(self, session: LogSession, *, fails: bool) -> None:
        await _add(session, "a", "b")
        with suppress(ZeroDivisionError):
            async with session.attempt(turn=2, on_failure="drop") as attempt:
                await _add(attempt, "a", "b", "c", "d")
                await attempt.pop_item()
                await _add(attempt, "c", "d")
                assert await _keys(attempt) == "a b c"
                if fails:
                    raise ZeroDivisionError
        assert await _keys(session) == ("a b" if fails else "a b c")
        await _add(session, "b", "c")
        assert await _keys(session) == "a b c"

    # --- Removing --------------------------------------------------------------------------------------------

    async def test_a_popped_items_key_stays_known_on_its_branch(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        await session.branches.create("branch", turn=2)
        await session.pop_item()
        for _ in range(2):
            await _add(session, "b")
            assert await _keys(session) == "a"
            await session.add_items([_user("-")])
            await _add(session, "b")
            assert await _keys(session) == "a -"
            await session.pop_item()
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([_user("other")], keys=["b"])
        branch = session.on_branch("branch")
        await _add(branch, "b")
        assert await _keys(branch) == "a b"

    async def test_what_one_branch_pops_the_other_has(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        await session.branches.create("branch")
        branch = session.on_branch("branch")
        await branch.pop_item()
        for each, keys in ((branch, "a"), (session, "a b")):
            await _add(each, "b")
            assert await _keys(each) == keys
        await session.branches.rename("branch", "renamed")
        await _add(session.on_branch("renamed"), "b", "c")
        assert await _keys(session.on_branch("renamed")) == "a c"

    @pytest.mark.parametrize("turn", [None, 1])
    @pytest.mark.parametrize("branch", ["main", "branch"])
    async def test_what_an_attempt_popped_stays_popped(
        self, make: MakeLogSession, session: LogSession, branch: str, turn: int | None
    ) -> None:
        """Fails without: log/core/item_keys.py, `share_popped`."""
        await _add(session, "a", "b")
        if branch != "main":
            await session.branches.create(branch)
        on_branch = make(session.session_id).on_branch(branch)
        async with on_branch.attempt(turn) as tried:
            await _add(tried, "a", "x")
            await tried.pop_item()
            if turn is None:
                await tried.pop_item()
                await tried.pop_item()
            await _add(tried, "c")
            await _add(tried, "x")
            expected = await _keys(tried)
        assert expected == ("c" if turn is None else "a c")
        for retry in (on_branch, make(session.session_id).on_branch(branch)):
            await _add(retry, *("abx" if turn is None else "ax"))
            assert await _keys(retry) == expected
        async with on_branch.attempt() as tried:
            await _add(tried, *("abx" if turn is None else "ax"))
            assert await _keys(tried) == expected

    @pytest.mark.parametrize("branch", ["main", "branch"])
    async def test_what_was_popped_before_an_attempt_stays_popped_in_it(self, session: LogSession, branch: str) -> None:
        """Fails without: log/core/item_keys.py, `OWNER_OF_ATTEMPT`."""
        await _add(session, "a", "b")
        if branch != "main":
            await session.branches.create(branch)
        on_branch = session.on_branch(branch)
        await on_branch.pop_item()
        async with on_branch.attempt() as tried:
            await _add(tried, "b", "c")
            assert await _keys(tried) == "a c"
        assert await _keys(on_branch) == "a c"

    @pytest.mark.parametrize("running", [False, True])
    async def test_what_was_popped_in_an_attempt_that_is_chosen_stays_popped(
        self, make: MakeLogSession, session: LogSession, *, running: bool
    ) -> None:
        """Fails without: log/history/siblings.py, `share_popped`."""
        other = make(session.session_id)
        await _add(session, "a", "b", "c")
        with suppress(ZeroDivisionError):
            async with session.attempt() as tried:
                await tried.pop_item()
                await _add(tried, "d")
                if running:
                    await other.choose((await other.siblings(3))[1])
                raise ZeroDivisionError
        await _add(session, "c")
        if not running:
            assert await _keys(session) == "a b c"
            await session.choose((await session.siblings(3))[1])
        await _add(session, "c")
        assert await _keys(session) == "a b d"

    async def test_what_was_popped_in_an_attempt_that_failed_stays(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        with suppress(ZeroDivisionError):
            async with session.attempt() as tried:
                await tried.pop_item()
                raise ZeroDivisionError
        await _add(session, "b", "c")
        assert await _keys(session) == "a b c"

    @pytest.mark.parametrize("purged", [False, True])
    async def test_an_expired_items_key_stays_known(
        self, session: LogSession, time: MovableClock, *, purged: bool
    ) -> None:
        await _add(session, "a")
        await _add(session, "b", ttl=5)
        await _add(session, "c")
        time.move(6)
        if purged:
            assert await session.purge_expired() == 1
        await _add(session, "b", "d")
        assert await _keys(session) == "a c d"
        with pytest.raises(UnknownEntryError):
            await session.entry(key="b")
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([_user("other")], keys=["b"])

    async def test_clearing_keeps_keys_known(self, session: LogSession) -> None:
        await _add(session, "a", "b")
        await session.branches.create("branch", turn=2)
        await _add(session.on_branch("branch"), "c")
        await session.clear_session()
        await _add(session, "a", "b", "c", "d")
        assert await _keys(session) == "d"
        await session.branches.create("branch")
        await _add(session.on_branch("branch"), "a")
        assert await _keys(session.on_branch("branch")) == "d"
        await session.undo()
        await _add(session, "d")
        assert await _keys(session) == "d"

    # --- With other arguments ------------------------------------------------------------------------------------

    async def test_beside_an_idempotency_key(self, session: LogSession) -> None:
        for _ in range(2):
            await _add(session, "a", "b", idempotency_key="k")
        await _add(session, "b", "c", idempotency_key="l")
        # It was seen, whatever its items' keys are.
        await session.add_items([_user("b"), _user("c")], keys=["x", "y"], idempotency_key="l")
        assert await _keys(session) == "a b c"
        with pytest.raises(IdempotencyKeyReusedError):
            await _add(session, "a", idempotency_key="l")
        # An append of which all is known is remembered, too.
        await _add(session, "a", idempotency_key="m")
        with pytest.raises(IdempotencyKeyReusedError):
            await _add(session, "z", idempotency_key="m")
        # One that is refused is not.
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([_user("other")], keys=["a"], idempotency_key="n")
        await _add(session, "d", idempotency_key="n")
        assert await _keys(session) == "a b c d"

    async def test_beside_an_expected_version(self, session: LogSession) -> None:
        await _add(session, "a", expected_version=0)
        version = await session.version()
        await _add(session, "b", expected_version=version)
        # A retry finds all that it has added; an append of new items is refused.
        await _add(session, "b", expected_version=version)
        await _add(session, "a", "b", expected_version=0)
        with pytest.raises(ConflictError):
            await _add(session, "b", "c", expected_version=version)
        assert await _keys(session) == "a b"
        with pytest.raises(ConflictError):
            await session.add_items([], keys=[], expected_version=version)

    async def test_beside_a_lease(self, make: MakeLogSession, session: LogSession) -> None:
        await _add(session, "a")
        async with session.lease(exclusive=True) as leased:
            await _add(leased, "a", "b")
            with pytest.raises(SessionBusyError):
                await _add(make(session.session_id), "b", "c")
            assert await _keys(leased) == "a b"
        await _add(session, "b", "c")
        assert await _keys(session) == "a b c"

    async def test_on_a_branch_that_is_not_there(self, session: LogSession) -> None:
        for _ in range(2):
            with pytest.raises(UnknownBranchError):
                await _add(session.on_branch("branch"), "a")
            await _add(session, "a")

    async def test_authors_and_times(self, session: LogSession, time: MovableClock) -> None:
        await _add(session, "a")
        time.move(10)
        await _add(session.as_author("ann"), "a", "b")
        entries = await session.entries()
        assert [(entry.author, entry.turn) for entry in entries] == [(None, 1), ("ann", 2)]
        assert (entries[1].created_at - entries[0].created_at).total_seconds() == 10

    async def test_watchers_are_told_of_what_was_added(self, session: LogSession) -> None:
        await _add(session, "a")
        version = await session.version()
        await _add(session, "a", "b")
        changes = session.watch(after=version)
        change = await anext(changes)
        assert (change.kind, change.items) == ("appended", [_user("b")])
        await changes.aclose()

    # --- At once -------------------------------------------------------------------------------------------------

    async def test_of_those_who_add_the_same_keys_at_once_one_does(self, make: MakeLogSession) -> None:
        sessions = [make("raced for") for _ in range(8)]
        keys = [f"k{number}" for number in range(6)]
        await asyncio.gather(*(_add(each, *keys[number % 3 :]) for number, each in enumerate(sessions)))
        assert sorted((await _keys(sessions[0])).split()) == keys

    async def test_of_those_who_add_others_with_the_same_key_one_does(self, make: MakeLogSession) -> None:
        sessions = [make("raced for") for _ in range(6)]
        results = await asyncio.gather(
            *(each.add_items([_user(number)], keys=["k"]) for number, each in enumerate(sessions)),
            return_exceptions=True,
        )
        (winner,) = (number for number, result in enumerate(results) if result is None)
        assert all(isinstance(result, ItemKeyConflictError) for result in results if result is not None)
        assert await sessions[0].get_items() == [_user(winner)]

    # --- Arguments -----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("keys", "error"),
        [
            (["a"], ValueError),
            (["a", "b", "c"], ValueError),
            ([], ValueError),
            (["a", "a"], ValueError),
            (["a", ""], ValueError),
            (["a", "x" * 256], ValueError),
            (["a", "\u00e9" * 128], ValueError),
            (["a", "b\0"], ValueError),
            (["a", "\ud800"], ValueError),
            (["a", 1], TypeError),
            (["a", b"b"], TypeError),
            ("ab", TypeError),
            ({"a": 1, "b": 2}, TypeError),
            (2, TypeError),
        ],
    )
    async def test_refuses_what_are_no_keys(self, session: LogSession, keys: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="keys"):
            await session.add_items([_user(1), _user(2)], keys=keys)
        assert await session.get_items() == []
        assert await session.version() == 0

    @pytest.mark.parametrize("iterable", [list, tuple, iter])
    async def test_takes_any_iterable_of_keys(self, session: LogSession, iterable: Any) -> None:
        await session.add_items((_user(number) for number in (1, 2)), keys=iterable(["a", None]))  # type: ignore[arg-type]
        assert await session.get_items() == [_user(1), _user(2)]

    async def test_keys_of_nothing(self, session: LogSession) -> None:
        await session.add_items([], keys=[])
        assert await session.version() == 0

    def test_the_error_can_be_sent_to_other_processes(self) -> None:
        error = pickle.loads(pickle.dumps(ItemKeyConflictError("session 's' …", "k")))  # noqa: S301 - made here
        assert (str(error), error.key) == ("session 's' …", "k")

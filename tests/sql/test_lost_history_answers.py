"""A connection ends before or after a change of the history is committed, or nothing passes any more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sessions.db.sqlalchemy import retry
from sessions.errors import OutcomeUnknownError, StoreError, StoreUnreachableError

from .network import message

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sessions import SQLAlchemySession
    from sessions.types import Sibling

    from .network import Network

OPERATIONS = ("undo", "rewind", "redo", "create", "switch", "rename", "delete", "choose", "choose another branch")


async def _begin(session: SQLAlchemySession) -> list[Sibling]:
    """Return three ways through the second turn: of `main`, one that it left, and of `other`."""
    await session.add_items([message("1"), message("2")])
    await session.branches.create("other", turn=2)
    await session.on_branch("other").add_items([message("2 of other"), message("3 of other")])
    await session.undo()
    await session.add_items([message("2b"), message("3b")])
    await session.undo()
    return await session.siblings(2)


async def _do(session: SQLAlchemySession, operation: str, siblings: list[Sibling]) -> None:
    branches = session.branches
    match operation:
        case "undo":
            await session.undo()
        case "rewind":
            await session.rewind(2)
        case "redo":
            await session.redo()
        case "create":
            await branches.create("new", turn=2, switch=True)
        case "switch":
            await branches.switch("other")
        case "rename":
            await branches.rename("other", "renamed")
        case "delete":
            await branches.delete("other")
        case _:
            wanted = "other" if operation == "choose another branch" else None
            await session.choose(next(each for each in siblings if each.branch == wanted))


async def _state(session: SQLAlchemySession) -> list[Any]:
    found: list[Any] = []
    for branch in await session.branches.list():
        pinned = session.on_branch(branch.name)
        siblings = [(each.number, each.current, each.branch) for each in await pinned.siblings(1)]
        with suppress(ValueError):
            siblings += [(each.number, each.current, each.branch) for each in await pinned.siblings(2)]
        found.append((branch.name, branch.current, branch.redoable, siblings, await pinned.get_items()))
    return found


async def _before_and_after(network: Network, operation: str) -> tuple[list[Any], list[Any]]:
    """Return what the operation finds, and what it leaves, where no answer is lost."""
    session = network.session("as it should be")
    siblings = await _begin(session)
    before = await _state(session)
    await _do(session, operation, siblings)
    after = await _state(session)
    assert before != after
    return before, after


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_change_whose_answer_is_lost_has_happened_once_and_says_that_this_is_not_known(
    network: Network, operation: str
) -> None:
    """
    Fails without: db/sqlalchemy/database.py, `committing = write` (it is done twice, or refused the second time).
    """
    _, after = await _before_and_after(network, operation)
    session = network.session("marked")
    siblings = await _begin(session)
    network.proxy.lose_answer_to(network.commit)
    with pytest.raises(OutcomeUnknownError, match="session 'marked'"):
        await _do(session, operation, siblings)
    assert network.proxy.losses == 1
    assert await _state(session) == after


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_change_whose_commit_is_lost_has_not_happened(network: Network, operation: str) -> None:
    """The server rolls back what was not committed; the next try finds what the first one found.

    Fails without: db/sqlalchemy/database.py, `committing = write` (it is repeated, which it cannot know to be right).
    """
    before, after = await _before_and_after(network, operation)
    session = network.session("marked")
    siblings = await _begin(session)
    network.proxy.lose_request(network.commit)
    with pytest.raises(OutcomeUnknownError, match="session 'marked'"):
        await _do(session, operation, siblings)
    assert network.proxy.losses == 1
    assert await _state(session) == before
    await _do(session, operation, siblings)
    assert await _state(session) == after


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_change_that_is_cut_before_the_commit_is_repeated(network: Network, operation: str) -> None:
    """Three times, at a statement that locks the session.

    Fails without: db/sqlalchemy/retry.py, `error.outcome_known or` in `may_retry`.
    """
    _, after = await _before_and_after(network, operation)
    session = network.session("marked")
    siblings = await _begin(session)
    network.proxy.lose_request(b"marked" if network.is_postgres else b"version = version + 1", times=3)
    await _do(session, operation, siblings)
    assert network.proxy.losses == 3
    assert await _state(session) == after


async def test_when_nothing_passes_any_more_changes_of_the_history_end_with_the_right_error(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They had not begun to commit. Usage may be repeated, and counts once when the network is back.

    Fails without: db/sqlalchemy/deadline.py, `self._timer = …` (they never end).
    """
    monkeypatch.setattr(retry, "ATTEMPTS", 2)
    session = network.session("marked", attempt_timeout=1.0)
    await _begin(network.session("marked"))
    before = await _state(session)
    network.proxy.swallowing = True
    changes: list[Awaitable[object]] = [
        session.undo(), session.redo(), session.branches.create("new"), session.branches.switch("other"),
        session.branches.delete("other"), session.usage.record(input_tokens=1), session.siblings(), session.turns(),
    ]  # fmt: skip
    for change in asyncio.as_completed(changes):
        with pytest.raises(StoreError, match=r"Nothing was changed \(tried 2 times .* was TimeoutError") as known:
            await change
        assert type(known.value) is StoreUnreachableError
    network.proxy.swallowing = False
    assert await _state(session) == before
    network.proxy.lose_answer_to(network.commit, silently=True)
    await session.usage.record(input_tokens=5)
    assert network.proxy.losses == 1
    assert (await session.usage.total()).input_tokens == 5

"""The answer to a commit of an attempt's beginning or end gets lost, or the commit itself."""

# ruff: noqa: PT012 - the end of a block raises.

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import OutcomeUnknownError

from .network import message

if TYPE_CHECKING:
    from typing import Literal

    from sessions import SQLAlchemySession

    from .network import Network


class ProviderError(Exception):
    """An error that a block raises."""


async def _begin(network: Network) -> SQLAlchemySession:
    session = network.session("marked")
    await session.add_items([message("1"), message("2")], keys=["1", "2"])
    return session


async def _ways(network: Network, turn: int) -> list[tuple[bool, str]]:
    """Return the ways through a turn as another process sees them: whether each is the current one, and its items."""
    session = network.session("marked")
    ways = []
    for sibling in await session.siblings(turn):
        items = await session.items_of(sibling)
        ways.append((sibling.current, " ".join(str(item["content"]) for item in items)))
    return ways


@pytest.mark.parametrize("turn", [2, None])
async def test_an_attempt_whose_commits_answer_is_lost_is_the_branchs_way_once(
    network: Network, turn: int | None
) -> None:
    """Fails without: db/sqlalchemy/database.py, `committing = write` (the second try finds that it has ended)."""
    session = await _begin(network)
    with pytest.raises(OutcomeUnknownError, match="session 'marked'"):
        async with session.attempt(turn) as tried:
            await tried.add_items([message("2b")], keys=["2b"])
            network.proxy.lose_answer_to(network.commit)
    assert network.proxy.losses == 1
    whole = "1 2b" if turn else "1 2 2b"
    assert " ".join(item["content"] for item in await network.stored("marked")) == whole
    assert await _ways(network, 2) == ([(False, "1 2"), (True, "1 2b")] if turn else [(True, whole)])
    # The caller's own retry of the block adds nothing twice.
    async with session.attempt() as tried:
        await tried.add_items([message("2b"), message("3")], keys=["2b", "3"])
    assert " ".join(item["content"] for item in await network.stored("marked")) == f"{whole} 3"
    assert [branch.name for branch in await session.branches.list()] == ["main"]


async def test_an_attempt_whose_commit_is_lost_stays_as_a_sibling(network: Network) -> None:
    """Fails without: session/attempts.py, `await end(` in `commit` (its row would be that of one that goes on)."""
    session = await _begin(network)
    with pytest.raises(OutcomeUnknownError, match="session 'marked'"):
        async with session.attempt(2) as tried:
            await tried.add_items([message("2b")], keys=["2b"], idempotency_key="k")
            network.proxy.lose_request(network.commit)
    assert network.proxy.losses == 1
    assert await _ways(network, 2) == [(True, "1 2"), (False, "1 2b")]
    # It has ended: its idempotency key counts as new, and choosing it moves the branch alone.
    await session.choose((await session.siblings(2))[1])
    assert [item["content"] for item in await network.stored("marked")] == ["1", "2b"]
    await session.add_items([message("3")], keys=["3"], idempotency_key="k")
    assert [item["content"] for item in await network.stored("marked")] == ["1", "2b", "3"]


@pytest.mark.parametrize("lost", ["answer", "request"])
async def test_an_attempt_whose_beginning_was_not_answered_leaves_nothing(
    network: Network, lost: Literal["answer", "request"]
) -> None:
    """Fails without: session/attempts.py, `abandon_attempt` in `begin` (the next append would open a segment)."""
    session = await _begin(network)
    lose = network.proxy.lose_answer_to if lost == "answer" else network.proxy.lose_request
    lose(network.commit)
    with pytest.raises(OutcomeUnknownError, match="session 'marked'"):
        await session.attempt().__aenter__()
    assert network.proxy.losses == 1
    await session.add_items([message("3")])
    assert await _ways(network, 2) == [(True, "1 2 3")]
    # The id of an entry begins with its segment.
    assert len({entry.id.partition("-")[0] for entry in await session.entries()}) == 1


@pytest.mark.parametrize("lost", ["answer", "request"])
@pytest.mark.parametrize("on_failure", ["keep", "drop"])
async def test_a_failed_block_whose_end_is_lost_raises_its_own_error(
    network: Network,
    on_failure: Literal["keep", "drop"],
    lost: Literal["answer", "request"],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Fails without: session/attempts.py, `_quietly` in `end`."""
    session = await _begin(network)
    with pytest.raises(ProviderError):
        async with session.attempt(2, on_failure=on_failure) as tried:
            await tried.add_items([message("2b")])
            lose = network.proxy.lose_answer_to if lost == "answer" else network.proxy.lose_request
            lose(network.commit)
            raise ProviderError
    assert network.proxy.losses == 1
    assert "session 'marked': an attempt was not ended (OutcomeUnknownError)" in caplog.text
    assert "2b" not in caplog.text
    dropped = on_failure == "drop" and lost == "answer"
    assert await _ways(network, 2) == [(True, "1 2")] + [(False, "1 2b")] * (not dropped)
    await session.add_items([message("3")])
    assert [item["content"] for item in await network.stored("marked")] == ["1", "2", "3"]

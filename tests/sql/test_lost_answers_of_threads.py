"""The answer to a change of threads gets lost: puts are made once, and other changes either once or not known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import open_store
from sessions.adapters.langgraph import SessionSaver
from sessions.errors import OutcomeUnknownError, ThreadGoneError
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.changes import CHANGES, begin, whole_state
from sessions.testing.checkpoints.shared import PLACE
from tests.langgraph.graphs import asking, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from langgraph.types import StateSnapshot

    from .network import Network

_REPEATED = {"put", "put again", "put_writes", "put_writes again"}
_IN_ONE_STATEMENT = {"put": b"agent_checkpoints_pieces", "put_writes": b"agent_checkpoints_writes"}
"""What is in the request of the operations that are one statement on Postgres."""


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("operation", CHANGES)
async def test_a_change_whose_answer_is_lost_is_made_once(network: Network, operation: str, times: int) -> None:
    """
    Fails without: checkpoints/put.py, `_same`; checkpoints/put_writes.py, `repeatable`; db/sqlalchemy/retry.py,
    `Trouble.LOST` in `_RETRIED`.
    """
    async with open_store(network.direct, create_tables=True) as direct, open_store(network.url) as lossy:
        undisturbed, threads = ThreadStore(direct._backend), ThreadStore(lossy._backend)
        await begin(undisturbed)
        before = await whole_state(undisturbed)
        await CHANGES[operation](undisturbed)
        after = await whole_state(undisturbed)
        assert before != after
        await begin(undisturbed)
        await threads.read(PLACE, "2")
        await threads.read(PLACE)
        request = network.commit
        if network.is_postgres:
            request = _IN_ONE_STATEMENT.get(operation, request)
        network.proxy.lose_answer_to(request, times)
        if operation in _REPEATED:
            await CHANGES[operation](threads)
        else:
            with pytest.raises(OutcomeUnknownError, match=r"threads?\b"):
                await CHANGES[operation](threads)
        assert network.proxy.losses >= 1
        network.proxy.lose_answer_to(b"nothing is called that", times=0)
        assert await whole_state(undisturbed) == after
        # What is remembered is right: what follows is stored as well, or refused with the reason.
        if operation in {"delete", "erase"}:
            with pytest.raises(ThreadGoneError):
                await CHANGES["put"](threads)
            return
        await CHANGES["put"](threads)
        assert {one[2] for one in await whole_state(undisturbed)} >= {"4"}


@pytest.mark.parametrize("before", range(6))
async def test_a_graph_goes_on_where_answers_are_lost(network: Network, before: int) -> None:
    """Three answers in a row, anywhere in a run with an interrupt, are lost; its history is that of a whole network.

    Fails without: db/sqlalchemy/retry.py, `Trouble.LOST` in `_RETRIED`.
    """
    histories = []
    for url in (network.url, network.direct):
        async with SessionSaver(url, types=[Preferences]) as saver:
            graph = asking(saver)
            name = thread(f"of {'the proxy' if url == network.url else 'the server'}")
            await saver.aget_tuple(name)
            if url == network.url:
                network.proxy.lose_answer_to(b"agent_checkpoints", times=3, after=before)
            await graph.ainvoke(said("hello"), name, durability="sync")
            histories.append([_shown(step) async for step in graph.aget_state_history(name)])
    assert network.proxy.losses == 3
    assert histories[0] == histories[1]


def _shown(step: StateSnapshot) -> tuple[Any, ...]:
    messages = [(message.type, message.content) for message in step.values.get("messages", [])]
    return messages, step.next, step.metadata, [task.name for task in step.tasks], len(step.interrupts)


async def test_many_puts_whose_common_answers_are_lost_are_each_made_once(network: Network) -> None:
    """Fails without: db/sqlalchemy/retry.py, `Trouble.LOST` in `_RETRIED`."""
    async with SessionSaver(network.url, types=[Preferences]) as saver:
        graph = asking(saver)
        await graph.ainvoke(said("hello"), thread("first"))
        network.proxy.lose_answer_to(b"agent_checkpoints", times=10, after=20)
        await asyncio.gather(*(graph.ainvoke(said("hello"), thread(f"{at}"), durability="sync") for at in range(12)))
        assert network.proxy.losses == 10
        for at in range(12):
            steps = [_shown(step) async for step in graph.aget_state_history(thread(f"{at}"))]
            assert [step[0] for step in steps] == [
                [("human", "hello"), ("ai", "answer 1")], [("human", "hello")], [],
            ]  # fmt: skip

"""The answer to a change of memories gets lost: the change is made once, and what others did meanwhile stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import Put, open_store
from sessions.errors import OutcomeUnknownError
from sessions.memory.changes import Change
from sessions.memory.prepared import PreparedPut

from .network import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions import Store
    from sessions.db.transaction import Transaction

    from .network import Network

_CHANGES: dict[str, Callable[[Store], Any]] = {
    "put": lambda store: store.memories.put(("a",), "k", {"n": 2}),
    "put anew": lambda store: store.memories.put(("new",), "k", {"n": 2}),
    "put at a version": lambda store: store.memories.put(("a",), "k", {"n": 2}, if_version=1),
    "put_many": lambda store: store.memories.put_many([Put(("a",), "k", {"n": 2}), Put(("b",), "new", {"n": 3})]),
    "update": lambda store: store.memories.update(("a",), "k", lambda old: {"n": (old or {})["n"] + 1}),
    "delete": lambda store: store.memories.delete(("a",), "k"),
    "add_items": lambda store: store.session("s").add_items([message("1")], memories=[Put(("a",), "k", {"n": 2})]),
}

_ALONE = {"put", "put at a version", "update"}


async def _state(store: Store) -> list[Any]:
    seen: list[Any] = [(one.namespace, one.key, one.value, one.version) for one in await store.memories.list()]
    return [*seen, await store.session("s").get_items()]


@pytest.mark.parametrize("name", _CHANGES)
@pytest.mark.parametrize("times", [1, 3])
async def test_a_change_whose_answer_is_lost_is_made_once(network: Network, name: str, times: int) -> None:
    """Fails without: memory/marks.py, `pair[:_BYTES] == self.value`."""
    results = []
    states = []
    for url, is_lossy in ((network.url, True), (network.direct, False)):
        async with open_store(url, create_tables=True) as store:
            await store.memories.erase(erase_everything=True, scrub=False)
            await store.delete("s")
            first = await store.memories.put_many([Put(("a",), "k", {"n": 1}), Put(("b",), "k", {"n": 1})])
            base = {one.namespace: one.version - 1 for one in first}
            if name == "put at a version":
                change = store.memories.put(("a",), "k", {"n": 2}, if_version=first[0].version)
            else:
                change = _CHANGES[name](store)
            if is_lossy:
                # On Postgres, one statement puts one memory into a namespace that is there.
                request = network.commit_of(b'{"n":2}') if name in _ALONE else network.commit
                network.proxy.lose_answer_to(request, times)
            result = await change
            if is_lossy:
                # Sent again, it is a transaction.
                assert network.proxy.losses == (1 if network.is_postgres and name in _ALONE else times)
            results.append(_relative(result, base))
            states.append(
                [
                    (*one[:3], one[3] - base.get(one[0], one[3])) if isinstance(one, tuple) else one
                    for one in await _state(store)
                ]
            )
    assert results[0] == results[1]
    assert states[0] == states[1]


def _relative(result: Any, base: dict[Any, int]) -> Any:
    """Return a result without times, with versions counted from the beginning of a run."""
    if isinstance(result, list):
        return [_relative(one, base) for one in result]
    if hasattr(result, "version"):
        version = result.version - base.get(result.namespace, result.version)
        return (result.namespace, result.key, result.value, version, result.created_at == result.updated_at)
    return result


async def test_what_others_did_meanwhile_stays(network: Network) -> None:
    """A put is made, its answer is lost, and another caller changes the memory before it is sent again.

    Fails without: memory/marks.py, `reached` (the put would be made a second time, over the other's).
    """
    async with open_store(network.direct, create_tables=True) as store:
        memories = store.memories
        await memories.put(("a",), "k", {"n": 0})
        backend = memories._hold.common.backend
        change = Change([PreparedPut("a\x01", "k", b'{"n":1}')], 5).made_repeatable()
        (done,) = await backend.write(change, "it")
        await memories.update(("a",), "k", lambda old: {"n": old["n"] + 1})  # type: ignore[index]
        (again,) = await backend.write(change, "it")
        assert again.version == done.version
        assert [one.value for one in await memories.list()] == [{"n": 2}]
        # So many came that its mark may be gone: nobody knows, so it is not made again.
        for number in range(20):
            await memories.put(("a",), "other", {"n": number})
        with pytest.raises(Exception, match="the answer to a change was lost"):
            await backend.write(change, "it")
        assert (await memories.get(("a",), "k")).value == {"n": 2}  # type: ignore[union-attr]


async def test_a_change_that_was_rolled_back_is_made(network: Network) -> None:
    """Fails without: memory/marks.py, `space.version < earlier`."""
    async with open_store(network.direct, create_tables=True) as store:
        memories = store.memories
        for number in range(20):
            await memories.put(("a",), "k", {"n": number})
        change = Change([PreparedPut("a\x01", "k", b'{"n":100}')], 5).made_repeatable()

        def fail(tx: Transaction) -> None:
            change(tx)
            raise KeyError

        with pytest.raises(KeyError):
            await memories._hold.common.backend.write(fail, "it")
        await memories._hold.common.backend.write(change, "it")
        assert [one.value for one in await memories.list()] == [{"n": 100}]


@pytest.mark.parametrize("name", ["put", "put anew", "put_many"])
async def test_a_change_whose_answer_is_lost_and_a_server_that_is_gone(network: Network, name: str) -> None:
    """That the server cannot be reached afterwards does not mean that nothing was changed.

    Fails without: db/sqlalchemy/retry.py, `in_doubt`; memory/changes.py, `in_doubt`.
    """
    async with open_store(network.url, create_tables=True, retry_timeout=1) as store:
        await store.memories.erase(erase_everything=True, scrub=False)
        await store.memories.put(("a",), "k", {"n": 1})
        alone = network.is_postgres and name == "put"
        network.proxy.lose_answer_to(b'{"n":2}' if alone else network.commit)
        network.proxy.refusing = True
        with pytest.raises(OutcomeUnknownError, match="saved completely or not at all"):
            await _CHANGES[name](store)
        assert network.proxy.losses == 1
        network.proxy.refusing = False
        assert {"n": 2} in [one.value for one in await store.memories.list()]

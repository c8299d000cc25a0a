"""The answer to any public change gets lost: it was done once, or `OutcomeUnknownError` says that this is not known."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

import pytest

from sessions import SQLAlchemySession, open_store
from sessions.errors import OutcomeUnknownError

from .network import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .network import Network

    Change = Callable[[SQLAlchemySession], Awaitable[Any]]


async def _summarise(items: list[Any]) -> list[Any]:
    return [{"role": "assistant", "content": f"{len(items)} items"}]


async def _held(session: SQLAlchemySession, on_busy: Literal["wait", "fork"]) -> None:
    async with session.lease(on_busy=on_busy, timeout=30):
        pass


async def _store(session: SQLAlchemySession, method: str, *arguments: object) -> Any:
    store = open_store(session.engine)
    return await getattr(store, method)(session.session_id, *arguments)


READ = "read"
"""Changes that read before: the answer that gets lost may be that of the read, which is repeated."""

KNOWN = "known"
"""Changes that are known to be done although the answer was lost: they carry a key."""

CHANGES: dict[str, tuple[str, Change]] = {
    "add": (KNOWN, lambda s: s.add_items([message("5"), message("6")])),
    "add with a key": (KNOWN, lambda s: s.add_items([message("5")], idempotency_key="k")),
    "add with a ttl": (KNOWN, lambda s: s.add_items([message("5")], ttl=1000)),
    "add with authors": (KNOWN, lambda s: s.as_author("a").add_items([message("5"), {"role": "assistant"}])),
    "add to a branch": (KNOWN, lambda s: s.on_branch("other").add_items([message("5")])),
    "usage": (KNOWN, lambda s: s.usage.record(input_tokens=5)),
    "usage of a response without an id": (
        KNOWN,
        lambda s: s.usage.record({"output": [{"call_id": "c"}], "usage": {"input_tokens": 5, "output_tokens": 1}}),
    ),
    "usage of a run": (
        KNOWN,
        lambda s: s.usage.record(
            {
                "raw_responses": [{"output": [{"id": "i"}], "usage": {"input_tokens": 5, "output_tokens": 1}}],
                "context_wrapper": {"usage": {"requests": 2, "input_tokens": 9, "output_tokens": 1}},
            }
        ),
    ),
    "lease": (KNOWN, lambda s: _held(s, "wait")),
    "lease of a branch that is held": (KNOWN, lambda s: _held(s.on_branch("held"), "fork")),
    "pop": ("", lambda s: s.pop_item()),
    "undo": ("", lambda s: s.undo()),
    "redo": (READ, lambda s: s.on_branch("undone").redo()),
    "create": ("", lambda s: s.branches.create("new", switch=True)),
    "switch": ("", lambda s: s.branches.switch("other")),
    "rename": ("", lambda s: s.branches.rename("other", "renamed")),
    "delete a branch": ("", lambda s: s.branches.delete("other")),
    "handover": ("", lambda s: s.handover("billing", note="n")),
    "compact": (READ, lambda s: s.compact(_summarise, keep_turns=1)),
    "undo a compaction": (READ, lambda s: s.on_branch("compacted").undo_compaction()),
    "repair": (READ, lambda s: s.on_branch("damaged").repair(apply=True)),
    "redact": ("", lambda s: s.redact(1, summaries="drop")),
    "remove": ("", lambda s: s.remove(1, summaries="drop")),
    "clear": ("", lambda s: s.clear_session()),
    "purge": (READ, lambda s: s.purge_expired(older_than=0.000001)),
    "delete": ("", lambda s: _store(s, "delete")),
    "erase": ("", lambda s: _store(s, "erase")),
}


@asynccontextmanager
async def _begun(network: Network, session_id: str) -> AsyncIterator[SQLAlchemySession]:
    """Make a session on which each change has something to do, and hold a lease on one of its branches."""
    session = SQLAlchemySession.from_url(session_id, url=network.direct, create_tables=True)
    await session.add_items([message("1"), {"role": "assistant", "content": "2"}, message("3")])
    for name in ("other", "held", "undone", "compacted", "damaged"):
        await session.branches.create(name)
    await session.on_branch("undone").undo()
    await session.on_branch("compacted").compact(_summarise, keep_turns=1)
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    await session.on_branch("damaged").add_items([call])
    async with session.on_branch("held").lease():
        yield network.session(session_id)
    await session._sql.aclose()


async def _state(network: Network, session_id: str) -> list[Any]:
    session = SQLAlchemySession.from_url(session_id, url=network.direct)
    found: list[Any] = [await session.version(), await session.usage.total()]
    for branch in await session.branches.list():
        pinned = session.on_branch(branch.name)
        name = "fork" if branch.name.startswith("fork-") else branch.name
        shown = [({**entry.item, "made_at": None}, entry.author) for entry in await pinned.entries()]
        found.append((name, branch.current, branch.redoable, shown, await pinned.get_items()))
    await session._sql.aclose()
    return found


# Fails without: log/leases.py, `statements.CLAIMED` (a lease of a held branch makes two).
# Fails without: db/sqlalchemy/database.py, `committing = write`, and `command_of(work).repeatable`.
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("name", CHANGES)
async def test_it_is_done_once(network: Network, name: str, times: int) -> None:
    known, change = CHANGES[name]
    async with _begun(network, "as it should be") as session:
        before = await _state(network, "as it should be")
        await change(session)
        after = await _state(network, "as it should be")
    if not name.startswith("lease"):
        assert before != after
    async with _begun(network, "marked") as session:
        await session.version()
        assert await _state(network, "marked") == before
        one_statement = network.is_postgres and name.startswith(("add", "lease"))
        if name == "lease of a branch that is held":
            one_statement = False
        lost = 1 if known == "" else times
        network.proxy.lose_answer_to(b"marked" if one_statement else network.commit, lost)
        if known == KNOWN:
            await change(session)
        else:
            with pytest.raises(OutcomeUnknownError, match="marked") if known == "" else suppress(OutcomeUnknownError):
                await change(session)
        assert network.proxy.losses == lost
        assert await _state(network, "marked") == after

"""The name of a branch stands for another branch once that was deleted and made again: nobody is led into that one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import sessions
from sessions import LeaseLostError, UnknownBranchError, open_store
from sessions.log.lifetime.remove import delete

from .network import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from sessions import LogSession

    Make = Callable[..., LogSession]


def _kinds() -> Iterator[Any]:
    """Yield all kinds of stores; every run tests what is encrypted in a file only, as the contracts do."""
    for kind in ("file", "sqlite", "postgres", "mariadb"):
        for encrypted in (False, True):
            marks = pytest.mark.everything if encrypted and kind != "file" else ()
            yield pytest.param((kind, encrypted), marks=marks, id=f"{kind}-{'encrypted' if encrypted else 'plain'}")


@pytest.fixture(params=list(_kinds()))
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Make]:
    kind, encrypted = request.param
    options: dict[str, Any] = {"encryption_key": sessions.generate_key()} if encrypted else {}
    if kind == "file":
        async with open_store(f"sqlite:///{tmp_path}/sessions.db", **options) as store:
            yield store.session
        return
    url = f"sqlite+aiosqlite:///{tmp_path}/sessions.db"
    if kind != "sqlite":
        url = request.getfixturevalue("lend")(request.getfixturevalue(kind))
    engine = create_async_engine(url)
    store = open_store(engine, create_tables=True, **options)
    yield store.session
    await engine.dispose()


async def _begin(make: Make, session_id: str) -> None:
    """Make a branch ``draft`` of a session's first item, with one of its own."""
    session = make(session_id)
    await session.add_items([message("1")])
    await session.branches.create("draft")
    await session.on_branch("draft").add_items([message("old draft")])


async def _replace(make: Make, session_id: str, how: str) -> None:
    """Let another branch have the name ``draft``."""
    session = make(session_id)
    if how == "deleted":
        await session.branches.delete("draft", force=True)
        await session.branches.create("draft")
    elif how == "renamed":
        await session.branches.create("new")
        await session.branches.rename("draft", "old")
        await session.branches.rename("new", "draft")
    elif how == "cleared":
        await session.clear_session()
        await session.add_items([message("1")])
        await session.branches.create("draft")
    else:
        handle = session._handle
        # As `Store.delete` does.
        await handle.backend.write(lambda tx: delete(tx, session_id, handle.conversation.elsewhere), "s")
        await session.add_items([message("1")])
        await session.branches.create("draft")
    await make(session_id).on_branch("draft").add_items([message("new draft")])


USES: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "add": lambda s: s.add_items([message("for the old draft")]),
    "add with a key": lambda s: s.add_items([message("for the old draft")], idempotency_key="k"),
    "pop": lambda s: s.pop_item(),
    "undo": lambda s: s.undo(),
    "siblings": lambda s: s.siblings(),
    "handover": lambda s: s.handover("other"),
    "usage": lambda s: s.usage.record(input_tokens=1),
    "lease": lambda s: s.lease().__aenter__(),
    "branch off": lambda s: s.branches.create("more"),
    "repair": lambda s: s.repair(apply=True),
}
READS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "get": lambda s: s.get_items(),
    "get some": lambda s: s.get_items(1),
    "window": lambda s: s.window(5),
    "turns": lambda s: s.turns(),
    "entries": lambda s: s.entries(),
}
FIRSTS: dict[str, Callable[[Any], Awaitable[Any]]] = READS | {
    "switch": lambda s: s.branches.switch("draft"),
    "create": lambda s: s.branches.create("draft", switch=True),
}
HOW = ["deleted", "renamed", "session deleted"]


# Fails without: log/core/heads.py, `if number_of(branch) not in`; log/fast/statements.py, `:branch_number::bigint = 0`
@pytest.mark.parametrize("how", HOW)
async def test_what_follows_a_branch_is_not_led_into_another(make: Make, how: str) -> None:
    for session_id, do_first in FIRSTS.items():
        first = session_id
        await _begin(make, session_id)
        if first == "create":
            await make(session_id).branches.delete("draft")
        elif first != "switch":
            await make(session_id).branches.switch("draft")
        used = []
        for name, use in USES.items():
            if name == "lease":  # It takes the current branch.
                continue
            session = make(session_id)
            await do_first(session)
            used.append((use, session))
            if first == "create":
                break
        await make(session_id).branches.switch("main")
        await _replace(make, session_id, how)
        version = await make(session_id).version()
        for use, session in used:
            with pytest.raises(UnknownBranchError, match="draft"):
                await use(session)
        assert await make(session_id).on_branch("draft").get_items() == [message("1"), message("new draft")]
        assert await make(session_id).version() == version
        # Once it has read again, it goes on with the current branch.
        assert await used[0][1].get_items() == [message("1")]


@pytest.mark.parametrize("how", [*HOW, "cleared"])
async def test_what_stays_on_a_branch_is_not_led_into_another(make: Make, how: str) -> None:
    """
    Fails without: handle.py, `self.pinned = BranchName(` and `self.pinned = branch`.
    """
    for first in [*READS, "add", "pop", "usage"]:
        session_id = first
        await _begin(make, session_id)
        if first == "pop":
            await make(session_id).on_branch("draft").add_items([message("to be popped")])
        session = make(session_id).on_branch("draft")
        await (READS | USES)[first](session)
        await _replace(make, session_id, how)
        version = await make(session_id).version()
        for use in (READS | USES).values():
            with pytest.raises(UnknownBranchError, match="draft"):
                await use(session)
        assert await make(session_id).on_branch("draft").get_items() == [message("1"), message("new draft")]
        assert await make(session_id).version() == version


async def test_appends_that_travel_together_each_go_to_the_branch_they_mean(make: Make) -> None:
    """
    Fails without: log/fast/append_values.py, `branch = append.branch, number_of_branch(append.branch)`.
    """
    session_id = "s"
    await _begin(make, session_id)
    old = make(session_id).on_branch("draft")
    await old.get_items()
    await _replace(make, session_id, "deleted")
    new = make(session_id).on_branch("draft")
    await new.get_items()
    results = await asyncio.gather(
        *(session.add_items([message(f"{n}")]) for n in range(10) for session in (old, new, make(session_id))),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == ["UnknownBranchError", "NoneType", "NoneType"] * 10
    items = await make(session_id).on_branch("draft").get_items()
    assert items[:2] == [message("1"), message("new draft")]
    assert sorted(item["content"] for item in items[2:]) == [f"{n}" for n in range(10)]


@pytest.mark.parametrize("how", ["deleted", "session deleted"])
async def test_a_lease_is_not_led_into_another_branch(make: Make, how: str) -> None:
    """Fails without: log/leases.py, `name_of(name, head.session, locked.version)`."""
    session_id = "s"
    await _begin(make, session_id)
    async with (
        make(session_id).on_branch("draft").lease() as leased,
        make(session_id).on_branch("draft").lease(on_busy="fork") as forked,
    ):
        assert forked.held is not None
        name = str(forked.held.branch)
        await _replace(make, session_id, how)
        if how == "deleted":
            await make(session_id).branches.delete(name)
        await make(session_id).branches.create(name)
        for session in (leased, forked):
            with pytest.raises(LeaseLostError):
                await session.get_items()
            with pytest.raises(LeaseLostError):
                await session.add_items([message("late")])
    assert await make(session_id).on_branch("draft").get_items() == [message("1"), message("new draft")]


async def test_the_same_branch_goes_on_under_its_new_name(make: Make) -> None:
    session_id = "s"
    await _begin(make, session_id)
    session = make(session_id)
    await session.branches.switch("draft")
    await session.get_items()
    await session.branches.rename("draft", "final")
    await session.add_items([message("2")])
    assert await make(session_id).on_branch("final").get_items() == [message("1"), message("old draft"), message("2")]


async def test_main_is_always_the_same_branch(make: Make) -> None:
    session_id = "s"
    session, pinned = make(session_id), make(session_id).on_branch("main")
    for each in (session, pinned):
        await each.add_items([message("1")])
        await each.get_items()
    await make(session_id).clear_session()
    for each in (session, pinned):
        await each.add_items([message("2")])
    assert await pinned.get_items() == [message("2"), message("2")]

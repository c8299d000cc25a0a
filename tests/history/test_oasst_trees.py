"""The 100 trees of `oasst-trees.jsonl` as sessions with branches, read back path by path, on every store.

Behind SQLAlchemy an ordinary run takes every tenth, and ``--everything`` takes all.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

import pytest
from rich.console import Console

from sessions import LogSession, open_store

from .oasst import load_as_branches, load_as_chat, load_trees, paths, walk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from .oasst import Item


class MakeSession(Protocol):
    def __call__(self, session_id: str) -> LogSession: ...


@pytest.fixture
def trees() -> list[Item]:
    found = load_trees()
    assert len(found) == 100
    return found


@pytest.fixture(params=[pytest.param(10, id="some"), pytest.param(1, id="all", marks=pytest.mark.everything)])
def some_trees(request: pytest.FixtureRequest, trees: list[Item]) -> list[Item]:
    return trees[:: request.param]


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[MakeSession]:
    async with open_store(f"sqlite:///{tmp_path}/trees.db", durability="normal") as store:
        yield store.session


@pytest.fixture
async def server(url: str) -> AsyncIterator[MakeSession]:
    async with open_store(url, create_tables=True) as store:
        yield store.session


async def drawn(session: LogSession) -> str:
    file = io.StringIO()
    Console(file=file, width=100).print(await session.tree())
    return file.getvalue()


async def named_branches(make: MakeSession, trees: list[Item]) -> None:
    for number, tree in enumerate(trees):
        session = make(f"tree {number}")
        made = await load_as_branches(session, tree)

        again = make(f"tree {number}")
        listed = await again.branches.list()
        assert {branch.name: branch.items for branch in listed} == {name: len(path) for name, path in made.items()}
        for name, path in made.items():
            assert await again.on_branch(name).get_items() == path
        assert list(made.values()) == list(paths(tree))
        messages = {item["message_id"] for path in made.values() for item in path}
        text = await drawn(again)
        assert f"  {len(made)} branch" in text
        assert f" {len(messages)} items\n" in text, "each is there once"


async def chats(make: MakeSession, trees: list[Item]) -> None:
    for number, tree in enumerate(trees):
        session = make(f"tree {number}")
        made = await load_as_chat(session, tree)
        assert await session.get_items() == made[-1]

        again = make(f"tree {number}")
        found = await walk(again)

        # Which way is the first depends on which of them grew last.
        assert sorted(map(str, found)) == sorted(map(str, paths(tree)))
        assert await make(f"tree {number}").get_items() == found[-1]


async def test_named_branches_in_sqlite(sqlite: MakeSession, trees: list[Item]) -> None:
    await named_branches(sqlite, trees)


async def test_undone_and_walked_in_sqlite(sqlite: MakeSession, trees: list[Item]) -> None:
    await chats(sqlite, trees)


async def test_named_branches_behind_sqlalchemy(server: MakeSession, some_trees: list[Item]) -> None:
    await named_branches(server, some_trees)


async def test_undone_and_walked_behind_sqlalchemy(server: MakeSession, some_trees: list[Item]) -> None:
    await chats(server, some_trees)

"""A conversation of more segments than a database follows by itself: MariaDB ends a recursion after 1,000 steps."""

from __future__ import annotations

import pytest

from sessions import open_store
from sessions.codecs.json import JSONCodec
from sessions.db.ids import POSITION_BITS
from sessions.db.transaction import Statement, Transaction

from .network import message

_DEPTH = 1200
_SEGMENT = Statement(
    "A segment that goes on behind the only entry of its parent.",
    "insert into {segments} (id, session, parent, fork_position, turn) values (:id, :session, :parent, :low, :turn)",
)
_ENTRY = Statement(
    "A message.",
    """
    insert into {entries} (id, version, turn, kind, created_at, payload) values (:id, 1, :turn, 'user', 1, :payload)
    """,
)
_BRANCH = Statement(
    "The branch at the end of the last segment.",
    """
    update {branches} set segment = :segment, parent = :parent, fork_position = :low, tip = :tip, turn = :tip,
    floor = :low where session = :session
    """,
)
_PLACE = Statement("Where the first message is.", "select session, segment from {branches}")


@pytest.fixture
def store_url(url: str) -> str:
    return url.replace("sqlite+aiosqlite", "sqlite")


async def test_nothing_of_a_deep_lineage_is_hidden(store_url: str) -> None:
    """The rows are those that undoing a turn and adding another leaves, so many times, but for what was undone.

    Fails without: log/statements/branches.py, `{MARIADB: ENDLESSLY + sql}`; log/statements/sessions.py, `ENDLESSLY +`.
    """
    messages = [message(str(number)) for number in range(_DEPTH)]

    def deepen(tx: Transaction) -> None:
        [(session, first)] = tx.all(_PLACE)
        for at in range(1, _DEPTH):
            tx.run(_SEGMENT, id=first + at, session=session, parent=first + at - 1, low=at, turn=at)
            (payload,) = JSONCodec().encode_all(messages[at : at + 1])
            tx.run(_ENTRY, id=(first + at << POSITION_BITS) + at + 1, turn=at + 1, payload=payload)
        last = first + _DEPTH - 1
        tx.run(_BRANCH, segment=last, parent=last - 1, low=_DEPTH - 1, tip=_DEPTH, session=session)

    async with open_store(store_url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items(messages[:1])
        await store._backend.write(deepen, "this test")

        assert await session.get_items() == messages
        assert await session.get_items(5) == messages[-5:]
        assert [turn.number for turn in await session.turns()] == list(range(1, _DEPTH + 1))
        assert (await session.get_turn(2)).items == messages[1:2]
        assert (await session.branches.list())[0].items == _DEPTH
        assert (await store.sessions())[0].item_count == _DEPTH
        assert [sibling.count for sibling in await session.siblings(2)] == [1]
        assert (await session.branches.create("early", turn=3)).items == 2
        assert await session.on_branch("early").get_items() == messages[:2]
        assert await session.pop_item() == messages[-1]
        assert await session.undo(_DEPTH - 2) == messages[1:-1]
        assert await session.redo() == messages[1:-1]
        await session.usage.record(turn=1, input_tokens=1)
        assert {row.branch for row in await session.usage.by("branch")} == {"early", "main"}
        await session.branches.delete("early")
        assert await session.get_items() == messages[:-1]

"""What was erased is in no table: each table of the component of conversations is looked at, also later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import RetentionPolicy, open_store
from sessions.db.transaction import Statement
from sessions.log.schema import LOG
from sessions.testing.expiry_model import MovableClock
from sessions.testing.list_model import user

if TYPE_CHECKING:
    from sessions import Store

_CALL = {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "2", "output": "x"}
_NOT_OF_SESSIONS = {"audits", "undestroyed"}


async def _fill(store: Store, name: str, owner: str) -> None:
    """Give a session something in as many tables as can be."""
    session = store.session(name, owner=owner)
    await session.add_items([user("1"), _CALL], keys=["k", None], idempotency_key="i")
    await session.add_items([user("2")])
    await session.branches.create("b", turn=2)
    await session.undo()
    await session.add_items([user("3"), {**_CALL, "call_id": "2"}, user("4"), _OUTPUT])
    # It writes the output anew behind its call.
    await session.repair(apply=True)
    await session.usage.record(input_tokens=3)
    await session.set_info(title="t", tags=["x"], metadata={"a": 1})
    await store.index()


async def _counts(store: Store) -> dict[str, int]:
    tables = [table.name for table in LOG.tables if table.name not in _NOT_OF_SESSIONS]

    def count(tx: Any) -> dict[str, int]:
        return {name: tx.the(Statement("Count.", f"select count(*) from {{{name}}}"))[0] for name in tables}  # noqa: S608

    return await store._backend.read(count, "the store")


@pytest.mark.parametrize("how", ["erase_owner", "retain"])
@pytest.mark.usefixtures("no_upkeep")
async def test_no_row_is_left(anywhere: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: log/lifetime/remove.py, any line of `delete`."""
    time = MovableClock(monkeypatch)
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, **options) as store:
        await _fill(store, "kept", "bob")
        kept = await _counts(store)
        assert {name for name, count in kept.items() if not count} <= {"waiting", "unfinished"}
        for number in range(3):
            await _fill(store, f"s{number}", "ann")
        assert all(count > kept[name] for name, count in (await _counts(store)).items() if kept[name])
        time.move(100)
        if how == "erase_owner":
            assert (await store.erase_owner("ann")).sessions == 3
        else:
            policy = RetentionPolicy(owner="ann", unchanged_for=100, abandoned_after=100)
            assert (await store.retain(policy)).erased == 3
        assert await _counts(store) == kept

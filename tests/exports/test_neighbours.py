"""Exports and imports beside the OpenAI Agents SDK's tables, erasure, expiry and other codecs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from agents import SQLiteSession as SDKSession

from sessions import ConflictError, PlusCodec, SessionExistsError, open_store
from sessions.db.transaction import Statement
from sessions.log.schema import LOG
from sessions.testing.expiry_model import MovableClock
from sessions.testing.export_model import comparable, exported
from sessions.testing.observing import differences, observe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessions import Store

_LARGE = 1200


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def _rows(store: Store) -> dict[str, int]:
    counts = {table.name: Statement("Rows.", f"select count(*) from {{{table.name}}}") for table in LOG.tables}  # noqa: S608
    return await store._backend.read(
        lambda tx: {name: int(tx.the(statement)[0]) for name, statement in counts.items()}, "test"
    )


async def test_a_session_of_the_sdk(tmp_path: Path) -> None:
    path = tmp_path / "sdk.db"
    sdk = SDKSession("theirs", path)
    await sdk.add_items([_user("1")])  # type: ignore[list-item]
    sdk.close()
    async with open_store(f"sqlite:///{path}") as store, open_store("sqlite://") as other:
        await other.session("theirs").add_items([_user("ours")])
        lines = await exported(other, "theirs")
        with pytest.raises(SessionExistsError):
            await store.import_sessions(lines)
        assert (await store.import_sessions(lines, on_exists="skip")).skipped == 1
        pieces = b"".join([piece async for piece in store.export_lines()])
        assert b'"theirs"' not in pieces, "not adopted"
        await other.delete("theirs")
        await other.import_sessions(await exported(store, "theirs"))
        assert await other.session("theirs").get_items() == [_user("1")]


@pytest.mark.parametrize("way", ["erase", "delete", "erase_owner"])
async def test_erasing_ends_an_import_of_that_session(anywhere: str, way: str) -> None:
    async with open_store(anywhere, create_tables=True) as store, open_store("sqlite://") as other:
        await other.session("s", owner=("acme", "ann")).add_items([_user(f"{number}") for number in range(_LARGE)])
        lines = await exported(other, "s")

        async def slowly() -> AsyncIterator[bytes]:
            for number, line in enumerate(lines):
                yield line
                if number == _LARGE // 2 + 100:
                    assert (await _rows(store))["unfinished"] == 1
                    if way == "erase_owner":
                        await store.erase_owner("acme", scrub=False)
                        assert (await _rows(store))["unfinished"] == 1
                        await store.erase_owner("acme", below=True, scrub=False)
                    else:
                        await (store.erase("s", scrub=False) if way == "erase" else store.delete("s"))
                    assert (await _rows(store))["unfinished"] == 0

        await store.count()
        before = await _rows(store)
        with pytest.raises(ConflictError, match="'s' was not made"):
            await store.import_sessions(slowly())
        assert await _rows(store) == before
        await store.import_sessions(lines)
        assert len(await store.session("s").get_items()) == _LARGE


async def test_expired_items_are_in_no_export_and_no_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Fails without: log/statements/exports.py, `_THERE`; log/exports/page_writer.py, the check of `expires_at`.
    """
    time = MovableClock(monkeypatch)
    async with open_store("sqlite://") as store, open_store("sqlite://") as other:
        session = store.session("s")
        await session.add_items([_user("1")], ttl=10)
        await session.add_items([_user("2")], ttl=1000)
        await session.add_items([_user("3")])
        time.move(100)
        lines = await exported(store, "s")
        assert b'"content":"1"' not in b"".join(lines)
        await other.import_sessions(lines)
        assert await observe(other, "s") == await observe(store, "s")
        await other.delete("s")
        time.move(1000)
        done = await other.import_sessions(lines)
        assert done.entries == 1
        assert await observe(other, "s") == await observe(store, "s")
        assert [item["content"] for item in await other.session("s").get_items()] == ["3"]


async def test_a_store_with_a_time_to_live_leaves_out_older_items(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    time = MovableClock(monkeypatch)
    url = f"sqlite:///{tmp_path}/a.db"
    async with open_store(url) as store, open_store(url, ttl=50) as impatient, open_store("sqlite://") as other:
        await store.session("s").add_items([_user("1"), _user("2")])
        await store.session("s").handover("bob")
        time.move(100)
        await store.session("s").add_items([_user("3")])
        await other.import_sessions(await exported(impatient, "s"))
        assert await other.session("s").get_items() == await impatient.session("s").get_items() == [_user("3")]
        assert [entry.turn for entry in await other.session("s").entries()] == [2, 3]


async def test_items_of_another_codec_stay_as_they_are_written() -> None:
    item = {"role": "user", "content": "x", "at": datetime(2026, 1, 1, tzinfo=UTC), "price": Decimal("1.10")}
    async with open_store("sqlite://", codec=PlusCodec()) as store, open_store("sqlite://", codec=PlusCodec()) as other:
        await store.session("s").add_items([item], keys=["k"])
        lines = await exported(store, "s")
        await other.import_sessions(lines)
        assert await other.session("s").get_items() == [item]
        await other.session("s").add_items([item], keys=["k"])
        async with open_store("sqlite://") as plain:
            await plain.import_sessions(lines)
            assert comparable(await exported(plain, "s")) == comparable(lines)


async def test_a_correction_reaches_copies_and_the_title_in_the_imported_session() -> None:
    """
    Fails without: log/exports/page_writer.py, `_copy` or `title_of`.
    """

    def title(message: dict[str, Any]) -> str:
        return str(message["content"])

    async with open_store("sqlite://", title=title) as store, open_store("sqlite://") as other:
        session = store.session("s")
        await session.add_items([_user("SECRET")], keys=["k"])
        call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "SECRET"}
        await session.add_items([call, _user("more SECRET")])
        await session.repair(apply=True)
        lines = await exported(store, "s")
        assert any(b'"copy"' in line for line in lines)
        await other.import_sessions(lines)
        assert (await other.session("s").info()).title == "SECRET"
        for moved in (store.session("s"), other.session("s")):
            for entry in await moved.entries():
                if "SECRET" in str(entry.item):
                    await moved.redact(id=entry.id)
        for one in (store, other):
            assert b"SECRET" not in b"".join(await exported(one, "s"))
        found = differences(await observe(other, "s"), await observe(store, "s"))
        assert [one for one in found if "updated_at" not in one and "last_activity" not in one] == []


@pytest.mark.parametrize("how", ["redact", "remove"])
async def test_notes_about_what_is_gone_reach_no_other_session(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """The other store's first session is the one that has the lowest ids of all.

    Fails without: log/exports/page_writer.py, segment 0 in `place_of`; log/core/item_keys.py, in `NOWHERE`.
    """
    monkeypatch.undo()  # Its ids begin with 1, as a user's do: see `tests/lived_in.py`.
    async with open_store("sqlite://") as store, open_store("sqlite://") as elsewhere:
        theirs = elsewhere.session("theirs", owner="bob")  # It has the first segment, and entries of each version.
        for number in range(3):
            await theirs.add_items([_user(f"{number}"), {"role": "assistant", "content": "."}])
        session = store.session("s")
        await session.add_items([_user("1"), {"role": "assistant", "content": "2"}])
        await session.branches.create("draft", switch=True)
        lost = {"type": "function_call_output", "call_id": "lost", "output": "r"}
        await session.add_items([lost, {"role": "assistant", "content": "4"}, _user("5")])
        await session.add_items([{"role": "assistant", "content": "SECRET"}], keys=["k"])
        await session.usage.record(input_tokens=5, requests=1, model="m")
        assert (await session.repair(apply=True)).repaired
        # The repaired end has copies of entries that go with the other way, and with its segment.
        (way,) = [way for way in await session.siblings(1) if way.branch is None]
        await session.remove(way=way)
        cleared = store.session("cleared")
        await cleared.add_items([_user("1")], keys=["k"])
        await cleared.usage.record(input_tokens=5, requests=1, model="m")
        await cleared.clear_session()
        lines = await exported(store, "s", "cleared")
        assert any(line["type"] == "copy" and not line["source_run"] for line in map(json.loads, lines))
        await elsewhere.import_sessions(lines)
        assert [str(finding) async for finding in elsewhere.verify()] == []
        there, before = elsewhere.session("s"), await observe(elsewhere, "theirs")
        for entry in await there.entries():
            item = {"role": "assistant", "content": ""} if how == "redact" else None
            if entry.item.get("role") == "assistant":
                receipt = await (there.remove(id=entry.id) if item is None else there.redact(id=entry.id, item=item))
                assert receipt.ids == (entry.id,)
        assert await observe(elsewhere, "theirs") == before
        assert [str(finding) async for finding in elsewhere.verify()] == []

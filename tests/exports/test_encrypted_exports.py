"""Exports of encrypted sessions, and imports into encrypted stores: keys, and bytes in the clear."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import (
    DecryptionError,
    ItemKeyConflictError,
    MissingKeyError,
    PlainTextRefusedError,
    generate_key,
    open_store,
)
from sessions.crypto.wrapped_keys import read_wrapped_keys
from sessions.log.encryption.session_encryption import subject_of
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.export_model import comparable, exported
from sessions.testing.observing import observe

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store

_WORDS = "whatnobodyelsesays"


async def fill(store: Store) -> None:
    session = store.session("s")
    await session.add_items([{"role": "user", "content": _WORDS}], keys=["k"])
    await session.add_items(
        [
            {"type": "function_call", "call_id": "1", "name": f"tool_{_WORDS}", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": _WORDS},
        ],
        idempotency_key="once",
    )
    await session.set_info(title=_WORDS, tags=[_WORDS], metadata={_WORDS: 1})


def content(path: Path) -> bytes:
    """Return the bytes of a database's files."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


def data_key(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        ((wrapped,),) = connection.execute("select wrapped_keys from agent_log_sessions").fetchall()
    (key,) = read_wrapped_keys(subject_of("s"), wrapped)
    return key.id


async def test_an_import_is_encrypted_with_a_new_data_key(tmp_path: Path) -> None:
    """
    Fails without: log/exports/page_writer.py, `self._key.encrypt`, or the key of the info.
    """
    key = generate_key()
    first, second = tmp_path / "a.db", tmp_path / "b.db"
    async with (
        open_store(f"sqlite:///{first}", encryption_key=key, hide_tool_names=True) as store,
        open_store(f"sqlite:///{second}", encryption_key=key, hide_tool_names=True) as other,
    ):
        await fill(store)
        await other.import_sessions(await exported(store, "s"))
        assert await observe(other, "s") == await observe(store, "s")
        with pytest.raises(ItemKeyConflictError):
            await other.session("s").add_items([{"role": "user", "content": "another"}], keys=["k"])
    for path in (first, second):
        assert _WORDS.encode() not in content(path)
    assert data_key(first) != data_key(second)


async def test_keys_of_a_provider_are_fetched(tmp_path: Path) -> None:
    async with (
        open_store(f"sqlite:///{tmp_path}/a.db", encryption_key=KeptKeys(0.001)) as store,
        open_store(f"sqlite:///{tmp_path}/b.db", encryption_key=KeptKeys(0.001)) as other,
    ):
        await fill(store)
        lines = await exported(store, "s")
        await other.import_sessions(lines)
        assert comparable(await exported(other, "s")) == comparable(lines)


async def test_without_the_key_nothing_is_exported(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with open_store(f"sqlite:///{path}", encryption_key=generate_key()) as store:
        await fill(store)
    export = tmp_path / "export.jsonl"
    refusals: list[tuple[dict[str, Any], dict[str, Any], type[Exception]]] = [
        ({}, {}, PlainTextRefusedError),
        ({}, {"plain": True}, MissingKeyError),
        ({"encryption_key": generate_key()}, {"plain": True}, DecryptionError),
        ({}, {"plain": True, "format": "markdown"}, MissingKeyError),
    ]
    for opened, asked, error in refusals:
        async with open_store(f"sqlite:///{path}", **opened) as store:
            for ids in (None, ["s"]):
                with pytest.raises(error) as caught:
                    await store.export_sessions(export, ids, **asked)
                assert _WORDS not in str(caught.value)
                assert not list(tmp_path.glob("export*"))


async def test_a_store_with_plain_and_encrypted_sessions(tmp_path: Path) -> None:
    path, key = tmp_path / "a.db", generate_key()
    async with open_store(f"sqlite:///{path}") as plain:
        await plain.session("plain").add_items([{"role": "user", "content": "1"}])
        await plain.session("s").add_items([{"role": "user", "content": "2"}])
    async with (
        open_store(f"sqlite:///{path}", encryption_key=key, allow_plain_text=True) as store,
        open_store("sqlite://") as other,
    ):
        # Its first item stays as it is.
        await store.session("s").add_items([{"role": "user", "content": "3"}])
        assert (await other.import_sessions(await exported(store, "plain", "s"))).sessions == 2
        assert [item["content"] for item in await other.session("s").get_items()] == ["2", "3"]
        with pytest.raises(PlainTextRefusedError, match="'s' is encrypted"):
            await store.export_sessions(tmp_path / "export.jsonl")
        await store.export_sessions(tmp_path / "export.jsonl", ["plain"])

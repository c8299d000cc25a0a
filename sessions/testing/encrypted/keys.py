"""The promises of an encrypted session about key providers, and about creating and encrypting sessions.

A part of `sessions.testing.EncryptedContract`.
"""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import ConflictError, DecryptionError, IdempotencyKeyReusedError, MissingKeyError
from sessions.testing.encrypted.fixtures import CALL, OUTPUT, EncryptedFixtures, both, fill, new, raised, texts_of
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions.testing.encrypted.fixtures import MakeEncrypted
    from sessions.testing.encrypted.rows import Rows
    from sessions.testing.fixtures import MakeLogSession


class KeysContract(EncryptedFixtures):
    """Key providers, sessions made by several at once, mixed content, idempotency keys and tools."""

    # --- The same session, made by several at once -------------------------------------------------------------------

    @pytest.mark.parametrize("provider", [False, True], ids=["ring", "provider"])
    async def test_several_make_one_session_at_once(
        self, make: MakeLogSession, make_encrypted: MakeEncrypted, rows: Rows, name: str, *, provider: bool
    ) -> None:
        kept = KeptKeys(0.005)
        await make("another").add_items([item("u")])  # The tables are there.
        makers = [make_encrypted(name, kept.restarted() if provider else new()) for _ in range(8)]
        await asyncio.gather(*(session.add_items([item(f"u{n}"), item(f"a{n}")]) for n, session in enumerate(makers)))
        for session in makers:
            texts = texts_of(await session.get_items())
            assert len(texts) == 16
            assert all(texts[n].replace("u", "a") == texts[n + 1] for n in range(0, 16, 2))
        assert len({row.payload[1:5] for row in await rows.entries(name)}) == 1

    # --- Idempotency keys --------------------------------------------------------------------------------------------

    async def test_a_retry_is_known_after_encryption_and_rotation(
        self, make: MakeLogSession, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        await make(name).add_items([item("u0")], idempotency_key="in the clear")
        mixed = make_encrypted(name, allow_plain_text=True)
        await mixed.rotate(reencrypt=True)
        await make_encrypted(name).add_items([item("u1")], idempotency_key="encrypted")
        await make_encrypted(name, both()).rotate(reencrypt=True)
        session = make_encrypted(name, new())
        before = await rows.all()
        for key, text in (("in the clear", "u0"), ("encrypted", "u1")):
            await session.add_items([item(text)], idempotency_key=key)
            assert await rows.all() == before
            with pytest.raises(IdempotencyKeyReusedError) as caught:
                await session.add_items([item("u9")], idempotency_key=key)
            assert "u9" not in str(caught.value)
            assert await rows.all() == before

    async def test_digests_tell_nothing_of_the_items(
        self, make: MakeLogSession, make_encrypted: MakeEncrypted, rows: Rows
    ) -> None:
        for session in (make("clear"), make_encrypted("one"), make_encrypted("other")):
            await session.add_items([item("guess me")], idempotency_key="k")
        digests = [
            value
            for row in (await rows.all())["appends"]
            for value in row
            if isinstance(value, bytes) and len(value) == 32
        ]
        assert len(set(digests)) == 3

    # --- Mixed content -----------------------------------------------------------------------------------------------

    async def test_mixed_content_is_read_and_encrypted(
        self, make: MakeLogSession, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        texts = await fill(make(name))
        mixed = make_encrypted(name, allow_plain_text=True)
        assert texts_of(await mixed.get_items()) == texts
        assert await rows.wrapped_keys(name) is None
        await mixed.add_items([item("u10")])
        texts.append("u10")
        assert [row.payload[:1] == b"\5" for row in await rows.entries(name)] == [False] * 10 + [True]
        assert texts_of(await mixed.get_items()) == texts
        assert [turn.number for turn in await mixed.turns()] == [1, 2, 3, 4, 5, 6]
        assert await mixed.pop_item() == item("u10")
        with pytest.raises(DecryptionError, match=f"{name!r}, encrypted with key 'old': .* is not encrypted"):
            await make_encrypted(name).get_items()
        with pytest.raises(MissingKeyError):
            await make(name).get_items()
        assert (await mixed.rotate(reencrypt=True)).reencrypted == 10
        assert texts_of(await make_encrypted(name).get_items()) == texts[:-1]
        assert {row.payload[:1] for row in await rows.entries(name)} == {b"\5"}

    # --- Tools' names ------------------------------------------------------------------------------------------------

    async def test_hidden_names_of_tools(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        hiding, showing = make_encrypted(name, hide_tool_names=True), make_encrypted(name)
        await hiding.add_items([item("u1"), CALL, OUTPUT])
        await showing.add_items([item("u2"), {**CALL, "name": "find"}, OUTPUT])
        assert [row.tool_name for row in await rows.entries(name) if row.kind == "tool_call"] == [None, "find"]
        for session in (hiding, showing):
            assert [(use.tool, use.calls) for use in await session.usage.tools()] == [("look", 1), ("find", 1)]
            assert len(await session.get_items()) == 6
        await hiding.rotate(reencrypt=True)
        assert {row.tool_name for row in await rows.entries(name)} == {None}
        assert [use.tool for use in await showing.usage.tools()] == ["look", "find"]
        await showing.rotate(reencrypt=True)
        assert [row.tool_name for row in await rows.entries(name) if row.kind == "tool_call"] == ["look", "find"]
        assert [use.tool for use in await hiding.usage.tools()] == ["look", "find"]

    # --- Authors and versions ----------------------------------------------------------------------------------------

    async def test_authors_and_versions(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        session = make_encrypted(name)
        await session.as_author("billing").add_items([item("u1"), item("a1")])
        version = await session.version()
        await make_encrypted(name).as_author("sales").add_items([item("a2")], expected_version=version)
        with pytest.raises(ConflictError):
            await make_encrypted(name).add_items([item("a3")], expected_version=version)
        expected = [("u1", "billing"), ("a1", "billing"), ("a2", "sales")]
        assert [(entry.item["content"], entry.author) for entry in await make_encrypted(name).entries()] == expected
        await make_encrypted(name, both()).rotate(reencrypt=True)
        assert [
            (entry.item["content"], entry.author) for entry in await make_encrypted(name, new()).entries()
        ] == expected
        (first, *_) = await rows.entries(name)
        for author in (None, "sales", ""):
            async with rows.altered(first, author=author):
                await raised(DecryptionError, make_encrypted(name, new()).entries(), f"author {author}")

    # --- Key providers -----------------------------------------------------------------------------------------------

    async def test_a_provider_is_asked_once_for_each_process(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        kept = KeptKeys(0.005)
        texts = await fill(make_encrypted(name, kept))
        for _ in range(3):
            assert texts_of(await make_encrypted(name, kept).get_items()) == texts
        assert kept.asked == 0
        other = kept.restarted()
        found = await asyncio.gather(*(make_encrypted(name, other).get_items(1) for _ in range(5)))
        assert all(texts_of(items) == texts[-1:] for items in found)
        assert 1 <= other.asked <= 5
        secret = next(iter(kept.kept.values()))
        assert len(secret) == 64
        assert not any(secret[:32] in value for value in _bytes_of(await rows.all()))

    async def test_what_is_remembered_of_a_provider_is_forgotten(
        self, make_encrypted: MakeEncrypted, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        kept, later = KeptKeys(), 0.0
        monkeypatch.setattr(
            "sessions.crypto.key_manager.time", SimpleNamespace(monotonic=lambda: time.monotonic() + later)
        )
        session = make_encrypted(name, kept)
        texts = await fill(session)
        kept.kept.clear()
        later = 200.0
        assert texts_of(await session.get_items()) == texts
        later = 301.0
        for operation in (session.get_items, session.pop_item):
            with pytest.raises(DecryptionError, match="'first'"):
                await operation()

    async def test_a_destroyed_key_makes_a_session_unreadable(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        kept = KeptKeys()
        for session_id in (name, "other"):
            await fill(make_encrypted(session_id, kept))
        for place in [place for place in kept.kept if place[1].name == name]:
            del kept.kept[place]
        before = await rows.all()
        session = make_encrypted(name, kept.restarted())
        for operation in (
            session.get_items, session.pop_item, session.turns, session.rotate,
            lambda: session.add_items([item("u")]), lambda: session.rotate(reencrypt=True),
        ):  # fmt: skip
            if operation == session.rotate:
                continue  # Nothing is to be done, so the provider is not asked.
            with pytest.raises(DecryptionError, match="'first'") as caught:
                await operation()
            assert repr(name) in str(caught.value)
            assert await rows.all() == before
        assert len(await make_encrypted("other", kept.restarted()).get_items()) == 10

    @pytest.mark.parametrize("call", ["wrap", "unwrap"])
    async def test_what_a_provider_raises_reaches_the_caller(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, call: str
    ) -> None:
        kept = KeptKeys()
        if call == "unwrap":
            await fill(make_encrypted(name, kept))
        other = kept.restarted()

        def fail(what: str) -> None:
            if what == call:
                raise ConnectionError("the service is away")

        other.fault = fail
        before = await rows.all()
        with pytest.raises(ConnectionError, match="away"):
            await make_encrypted(name, other).add_items([item("u")])
        if call == "unwrap":
            with pytest.raises(ConnectionError, match="away"):
                await make_encrypted(name, other).pop_item()
        assert await rows.all() == before
        other.fault = lambda _: None
        await make_encrypted(name, other).add_items([item("u")])
        assert texts_of(await make_encrypted(name, other).get_items(1)) == ["u"]

    @pytest.mark.parametrize(
        "answer", [b"", b"\0" * 64, b"\0" * 65, None, "text"], ids=["empty", "another", "longer", "None", "text"]
    )
    async def test_a_provider_that_returns_something_else(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, answer: Any
    ) -> None:
        kept = KeptKeys()
        await fill(make_encrypted(name, kept))
        wrong = kept.restarted()
        wrong.kept = dict.fromkeys(kept.kept, answer)
        before = await rows.all()
        for operation in (make_encrypted(name, wrong).get_items, make_encrypted(name, wrong).pop_item):
            with pytest.raises(DecryptionError) as caught:
                await operation()
            assert repr(name) in str(caught.value)
        assert await rows.all() == before

    async def test_a_providers_keys_are_rotated(self, make_encrypted: MakeEncrypted, name: str) -> None:
        kept = KeptKeys()
        texts = await fill(make_encrypted(name, kept))
        kept.current = "second"
        assert (await make_encrypted(name, kept).rotate()).rewrapped == 1
        kept.kept = {place: secret for place, secret in kept.kept.items() if place[0] == "second"}
        assert texts_of(await make_encrypted(name, kept.restarted()).get_items()) == texts
        done = await make_encrypted(name, kept.restarted()).rotate(reencrypt=True)
        assert done.reencrypted == 10
        assert texts_of(await make_encrypted(name, kept.restarted()).get_items()) == texts


def _bytes_of(tables: dict[str, list[tuple[Any, ...]]]) -> list[bytes]:
    return [value for table in tables.values() for row in table for value in row if isinstance(value, bytes)]

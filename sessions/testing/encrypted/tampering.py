"""The promises of an encrypted session to callers with a wrong key, and about altered rows.

A part of `sessions.testing.EncryptedContract`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from sessions.crypto.keys import KeyRing
from sessions.errors import DecryptionError, MissingKeyError
from sessions.testing.encrypted.fixtures import CALL, KEYS, OPERATIONS, OUTPUT, READS, EncryptedFixtures, raised
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.testing.encrypted.fixtures import MakeEncrypted, Operation
    from sessions.testing.encrypted.rows import Rows
    from sessions.testing.fixtures import MakeLogSession
    from sessions.types import Sibling


async def _fill(make_encrypted: MakeEncrypted, name: str) -> Sibling:
    """Put turns, branches, something undone and usage into a session."""
    session = make_encrypted(name)
    await session.add_items([item("u1"), CALL, OUTPUT, item("a1")], idempotency_key="first")
    await session.usage.record(input_tokens=5)
    await session.add_items([item("u2"), item("a2")])
    await session.branches.create("b", turn=2)
    await session.on_branch("b").add_items([item("u2b"), item("a2b")])
    await session.add_items([item("u3")])
    await session.undo()
    return (await session.siblings(2))[1]


def _operations(sibling: Sibling) -> dict[str, Operation]:
    """Return all operations, also those on a sibling."""
    return {
        **OPERATIONS,
        "choose": lambda session: session.choose(sibling),
        "items_of": lambda session: session.items_of(sibling),
    }


class TamperingContract(EncryptedFixtures):
    """Wrong keys and altered rows: all are detected, and detecting them changes nothing."""

    # --- Wrong keys ----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("ids", [{"old": "new"}, {"another": "new"}], ids=["same id", "other id"])
    async def test_a_wrong_key_reads_nothing_and_changes_nothing(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, ids: dict[str, str]
    ) -> None:
        sibling = await _fill(make_encrypted, name)
        wrong = KeyRing({id_: KEYS[key] for id_, key in ids.items()})
        before = await rows.all()
        for what, operation in _operations(sibling).items():
            caught = await raised(DecryptionError, operation(make_encrypted(name, wrong)), what)
            assert repr(name) in str(caught), what
            assert "'old'" in str(caught), what
            assert await rows.all() == before, what
        await raised(DecryptionError, make_encrypted(name, wrong).rotate(), "rotate")
        assert await rows.all() == before
        assert len(await make_encrypted(name).get_items()) == 6

    async def test_without_a_key_nothing_is_read_and_nothing_is_changed(
        self, make: MakeLogSession, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        sibling = await _fill(make_encrypted, name)
        before = await rows.all()
        for what, operation in _operations(sibling).items():
            caught = await raised(MissingKeyError, operation(make(name)), what)
            assert repr(name) in str(caught), what
            assert await rows.all() == before, what

    async def test_a_session_in_the_clear_is_not_read_with_a_key(
        self, make: MakeLogSession, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        await make(name).add_items([item("u1"), item("a1")])
        before = await rows.all()
        for what in (*READS, "add_items"):
            operation = OPERATIONS[what]
            caught = await raised(DecryptionError, operation(make_encrypted(name)), what)
            assert repr(name) in str(caught)
            assert re.search("is not encrypted|unencrypted entries", str(caught))
            assert await rows.all() == before, what

    async def test_an_object_whose_key_was_right_does_not_open_what_was_made_anew(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        first = make_encrypted(name)
        await first.add_items([item("u1")])
        await make_encrypted("other", KeyRing({"old": KEYS["new"]})).add_items([item("u1")])
        await rows.set_wrapped_keys(name, await rows.wrapped_keys("other"))
        for operation in READS.values():
            with pytest.raises(DecryptionError):
                await operation(first)
        with pytest.raises(DecryptionError):
            await first.add_items([item("u2")])
        assert len(await rows.entries(name)) == 1

    # --- Payloads and the columns beside them ----------------------------------------------------------------------

    async def _assert_found(
        self,
        make_encrypted: MakeEncrypted,
        name: str,
        what: str,
        *,
        mixed: bool = False,
        key: str = "key 'old'",
        ways: Iterable[str] = READS,
    ) -> None:
        for way in ways:
            caught = await raised(
                DecryptionError, READS[way](make_encrypted(name, allow_plain_text=mixed)), f"{what}, {way}"
            )
            assert repr(name) in str(caught)
            assert key in str(caught)

    @pytest.mark.parametrize("mixed", [False, True], ids=["encrypted", "mixed content"])
    async def test_each_flipped_bit_is_found(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, *, mixed: bool
    ) -> None:
        await make_encrypted(name).add_items([item("u1")])
        await make_encrypted(name).add_items([{}])
        (*_, last) = await rows.entries(name)
        before = await rows.all()
        # The detection does not depend on the content: with mixed content, only the first bytes are checked again.
        for bit in range(40 if mixed else 8 * len(last.payload)):
            flipped = bytearray(last.payload)
            flipped[bit // 8] ^= 1 << bit % 8
            async with rows.altered(last, payload=bytes(flipped)):
                ways = READS if bit % 8 == 0 else ("get_items", "pop_item")
                await self._assert_found(make_encrypted, name, f"bit {bit}", mixed=mixed, ways=ways)
        assert await rows.all() == before
        assert await make_encrypted(name).get_items() == [item("u1"), {}]

    @pytest.mark.parametrize("mixed", [False, True], ids=["encrypted", "mixed content"])
    async def test_each_truncation_is_found(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, *, mixed: bool
    ) -> None:
        await make_encrypted(name).add_items([item("u1"), {}])
        (*_, last) = await rows.entries(name)
        before = await rows.all()
        for length in range(len(last.payload)):
            async with rows.altered(last, payload=last.payload[:length]):
                await self._assert_found(make_encrypted, name, f"a payload of {length} bytes", mixed=mixed)
        async with rows.altered(last, payload=last.payload + b"\0"):
            await self._assert_found(make_encrypted, name, "a longer payload", mixed=mixed)
        assert await rows.all() == before

    @pytest.mark.parametrize("hide", [False, True], ids=["tools' names in the clear", "hidden"])
    async def test_each_column_is_bound(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, *, hide: bool
    ) -> None:
        session = make_encrypted(name, hide_tool_names=hide)
        await session.add_items([item("u1")])
        await session.add_items([CALL])
        (*_, last) = await rows.entries(name)
        assert last.tool_name == (None if hide else "look")
        before = await rows.all()
        altered = {
            "version": last.version - 1, "turn": last.turn + 1, "kind": "assistant", "tool_name": "find",
            "author": "somebody", "created_at": last.created_at - 1, "expires_at": last.created_at + 10**15,
            "format": "anthropic",
        }  # fmt: skip
        for column, value in altered.items():
            async with rows.altered(last, **{column: value}):
                await self._assert_found(make_encrypted, name, column)
        if not hide:
            async with rows.altered(last, tool_name=None):
                await self._assert_found(make_encrypted, name, "no tool name")
        async with rows.altered(last, tool_name=""):
            await self._assert_found(make_encrypted, name, "an empty tool name")
        assert await rows.all() == before

    async def test_a_moved_entry_is_found(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        await make_encrypted(name).add_items([item("u1"), item("a1")])
        (*_, last) = await rows.entries(name)
        await rows.lengthen(name)
        async with rows.altered(last, id=last.id + 1):
            await self._assert_found(make_encrypted, name, "an entry that was moved")

    async def test_swaps_within_a_session_are_found(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        await make_encrypted(name).add_items([item("u1"), item("a1"), item("a2")])
        *_, one, other = await rows.entries(name)
        before = await rows.all()
        async with rows.swapped(one, other, "payload"):
            await self._assert_found(make_encrypted, name, "swapped payloads")
        async with rows.swapped(one, other):
            await self._assert_found(make_encrypted, name, "swapped entries")
        async with rows.altered(other, payload=one.payload):
            await self._assert_found(make_encrypted, name, "a repeated payload")
        assert await rows.all() == before

    async def test_swaps_between_sessions_are_found(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        for session_id in (name, "other"):
            await make_encrypted(session_id).add_items([item("u1"), item("a1")])
        before = await rows.all()
        one, other = (await rows.entries(name))[-1], (await rows.entries("other"))[-1]
        for columns in (["payload"], ["payload", "version", "turn", "kind", "created_at"], []):
            async with rows.swapped(one, other, *columns):
                await self._assert_found(make_encrypted, name, f"swapped {columns}")
                await self._assert_found(make_encrypted, "other", f"swapped {columns}")
        assert await rows.all() == before

    async def test_swaps_between_branches_are_found(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        session = make_encrypted(name)
        await session.add_items([item("u1"), item("a1")])
        await session.branches.create("b", position=1)
        await session.on_branch("b").add_items([item("a1b")])
        _, on_main, on_b = await rows.entries(name)
        assert on_main.place[1] == on_b.place[1] == 2
        before = await rows.all()
        for columns in (["payload"], []):
            async with rows.swapped(on_main, on_b, *columns):
                await self._assert_found(make_encrypted, name, f"swapped {columns}")
                with pytest.raises(DecryptionError):
                    await make_encrypted(name).on_branch("b").pop_item()
        assert await rows.all() == before

    async def test_plain_rows_are_found(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        await make_encrypted(name).add_items([item("u1"), item("a1")])
        (*_, last) = await rows.entries(name)
        plain = json.dumps(item("forged")).encode()
        async with rows.altered(last, payload=plain):
            await self._assert_found(make_encrypted, name, "an entry in the clear")
        await rows.add(last._replace(id=last.id + 1, payload=plain))
        await rows.lengthen(name)
        before = await rows.all()
        await self._assert_found(make_encrypted, name, "a new entry in the clear")
        assert await rows.all() == before

    # --- Wrapped keys -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("mixed", [False, True], ids=["encrypted", "mixed content"])
    async def test_removed_keys_are_found(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, *, mixed: bool
    ) -> None:
        await make_encrypted(name).add_items([item("u1"), item("a1")])
        await rows.set_wrapped_keys(name, None)
        before = await rows.all()
        await self._assert_found(make_encrypted, name, "removed keys", mixed=mixed, key="")
        with pytest.raises(DecryptionError):
            await make_encrypted(name).add_items([item("u2")])
        with pytest.raises(DecryptionError):
            await make_encrypted(name).rotate(reencrypt=True)
        assert await rows.all() == before

    async def test_the_keys_of_another_session_is_found(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        for session_id in (name, "other"):
            await make_encrypted(session_id).add_items([item("u1"), item("a1")])
        await rows.set_wrapped_keys(name, await rows.wrapped_keys("other"))
        before = await rows.all()
        await self._assert_found(make_encrypted, name, "another session's keys", key="")
        for operation in (lambda: make_encrypted(name).add_items([item("u2")]), lambda: make_encrypted(name).rotate()):
            with pytest.raises(DecryptionError):
                await operation()
        assert await rows.all() == before

    async def test_each_altered_byte_of_wrapped_keys_is_found(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        await make_encrypted(name).add_items([item("u1"), item("a1")])
        original = await rows.wrapped_keys(name)
        assert original
        before = await rows.all()
        for index in range(len(original)):
            altered = bytearray(original)
            altered[index] ^= 2
            await rows.set_wrapped_keys(name, bytes(altered))
            caught = await raised(DecryptionError, make_encrypted(name).get_items(), f"byte {index}")
            assert repr(name) in str(caught)
        for length in range(0, len(original), 7):
            await rows.set_wrapped_keys(name, original[:length])
            await self._assert_found(make_encrypted, name, f"wrapped keys of {length} bytes", key="")
        await rows.set_wrapped_keys(name, original)
        assert await rows.all() == before

"""What a sealed session promises to whoever has the wrong key, and when somebody alters what is stored.

A part of `sessions.testing_sealed.SealedContract`.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

import pytest
from rich.console import Console

from sessions.codecs.keys import KeyRing, generate_key
from sessions.encrypted import EncryptedSession
from sessions.errors import DecryptionError, SealedSessionError
from sessions.testing_rows import Rows
from sessions.testing_tree import item

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from sessions.model import Sibling
    from sessions.session import LogSession
    from sessions.testing_history import MakeLogSession

    Operation: TypeAlias = Callable[[LogSession], Awaitable[object]]

CALL: Final = {"type": "function_call", "name": "look", "call_id": "1", "arguments": "{}"}
OUTPUT: Final = {"type": "function_call_output", "call_id": "1", "output": "found"}
KEYS: Final = {"old": generate_key(), "new": generate_key()}

READS: Final[dict[str, Operation]] = {
    "get_items": lambda session: session.get_items(),
    "get_items(1)": lambda session: session.get_items(1),
    "turns": lambda session: session.turns(),
    "pop_item": lambda session: session.pop_item(),
}
"""What finds the last item; each takes another way through the store."""


def _choose(sibling: Sibling) -> Operation:
    return lambda session: session.choose(sibling)


def _operations(sibling: Sibling) -> dict[str, Operation]:
    """Return all that can be done with a session."""
    return {
        **READS,
        "get_items(0)": lambda session: session.get_items(0),
        "window": lambda session: session.window(3),
        "get_turn": lambda session: session.get_turn(1),
        "turns(1)": lambda session: session.turns(1),
        "siblings": lambda session: session.siblings(2),
        "tree": lambda session: session.tree(console=Console(file=io.StringIO())),
        "add_items": lambda session: session.add_items([item("u9")]),
        "add_items with a key": lambda session: session.add_items([item("u9")], idempotency_key="k"),
        "undo": lambda session: session.undo(),
        "redo": lambda session: session.redo(),
        "choose": _choose(sibling),
        "on_branch": lambda session: session.on_branch("b").get_items(),
        "list": lambda session: session.branches.list(),
        "create": lambda session: session.branches.create("c", matching="u1"),
        "switch": lambda session: session.branches.switch("b"),
        "rename": lambda session: session.branches.rename("b", "c"),
        "delete": lambda session: session.branches.delete("b"),
        "compare": lambda session: session.branches.compare("main", "b"),
        "record": lambda session: session.usage.record(input_tokens=1),
        "total": lambda session: session.usage.total(),
        "by": lambda session: session.usage.by("turn"),
        "tools": lambda session: session.usage.tools(),
        "clear_session": lambda session: session.clear_session(),
    }


class MakeSealed(Protocol):
    """Makes sealed sessions."""

    def __call__(self, session_id: str, key: Any = ..., **options: Any) -> EncryptedSession:
        """Return a session of an id, opened with a key: that of the test, if not given."""
        ...


class SealedFixtures:
    """What the tests of sealed sessions begin with. It needs the fixture `make`, as `HistoryContract` does."""

    @pytest.fixture
    def seal(self, make: MakeLogSession) -> MakeSealed:
        """Return a function that makes sealed sessions."""
        ring = KeyRing({"old": KEYS["old"]})

        def sealed(session_id: str, key: Any = ring, **options: Any) -> EncryptedSession:
            return EncryptedSession(session_id, make(session_id), key, **{"ttl": None, **options})

        return sealed

    @pytest.fixture
    def rows(self, make: MakeLogSession) -> Rows:
        """Return the rows of the database."""
        return Rows(make("rows"))

    @pytest.fixture
    def name(self) -> str:
        """Return an id for a session."""
        return f"session-{uuid4()}"


class TamperingContract(SealedFixtures):
    """Wrong keys, and what somebody alters in the database: all is found, and nothing is changed by finding it."""

    async def _fill(self, seal: MakeSealed, name: str) -> Sibling:
        """Put turns, branches, something undone and usage into a session."""
        session = seal(name)
        await session.add_items([item("u1"), CALL, OUTPUT, item("a1")], idempotency_key="first")
        await session.usage.record(input_tokens=5)
        await session.add_items([item("u2"), item("a2")])
        await session.branches.create("b", turn=2)
        await session.on_branch("b").add_items([item("u2b"), item("a2b")])
        await session.add_items([item("u3")])
        await session.undo()
        return (await session.siblings(2))[1]

    # --- Wrong keys ----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("ids", [{"old": "new"}, {"another": "new"}], ids=["same id", "other id"])
    async def test_a_wrong_key_reads_nothing_and_changes_nothing(
        self, seal: MakeSealed, rows: Rows, name: str, ids: dict[str, str]
    ) -> None:
        sibling = await self._fill(seal, name)
        wrong = KeyRing({id_: KEYS[key] for id_, key in ids.items()})
        before = await rows.all()
        for what, operation in {**_operations(sibling), "rotate": lambda session: session.rotate()}.items():
            with pytest.raises(DecryptionError) as caught:
                await operation(seal(name, wrong))
                pytest.fail(f"{what} did not raise")
            assert repr(name) in str(caught.value), what
            assert "'old'" in str(caught.value), what
            assert await rows.all() == before, what
        assert len(await seal(name).get_items()) == 6

    async def test_without_a_key_nothing_is_read_and_nothing_is_changed(
        self, make: MakeLogSession, seal: MakeSealed, rows: Rows, name: str
    ) -> None:
        sibling = await self._fill(seal, name)
        before = await rows.all()
        for what, operation in _operations(sibling).items():
            with pytest.raises(SealedSessionError) as caught:
                await operation(make(name))
                pytest.fail(f"{what} did not raise")
            assert repr(name) in str(caught.value), what
            assert await rows.all() == before, what

    async def test_a_session_in_the_clear_is_not_read_with_a_key(
        self, make: MakeLogSession, seal: MakeSealed, rows: Rows, name: str
    ) -> None:
        await make(name).add_items([item("u1"), item("a1")])
        before = await rows.all()
        for what, operation in {**READS, "add_items": lambda session: session.add_items([item("u2")])}.items():
            with pytest.raises(DecryptionError, match="in the clear") as caught:
                await operation(seal(name))
                pytest.fail(f"{what} did not raise")
            assert repr(name) in str(caught.value)
            assert await rows.all() == before, what

    async def test_an_object_whose_key_was_right_does_not_open_what_was_made_anew(
        self, seal: MakeSealed, rows: Rows, name: str
    ) -> None:
        first = seal(name)
        await first.add_items([item("u1")])
        await seal("other", KeyRing({"old": KEYS["new"]})).add_items([item("u1")])
        await rows.set_seal(name, await rows.seal("other"))
        for operation in READS.values():
            with pytest.raises(DecryptionError):
                await operation(first)
        with pytest.raises(DecryptionError):
            await first.add_items([item("u2")])
        assert len(await rows.entries(name)) == 1

    # --- Payloads and the columns beside them ----------------------------------------------------------------------

    async def _assert_found(self, seal: MakeSealed, name: str, what: str, *, mixed: bool = False) -> None:
        for way, operation in READS.items():
            with pytest.raises(DecryptionError) as caught:
                await operation(seal(name, allow_plain_text=mixed))
                pytest.fail(f"{what} was not found by {way}")
            assert repr(name) in str(caught.value)

    @pytest.mark.parametrize("mixed", [False, True], ids=["sealed", "mixed content"])
    async def test_each_flipped_bit_is_found(self, seal: MakeSealed, rows: Rows, name: str, *, mixed: bool) -> None:
        await seal(name).add_items([item("u1")])
        await seal(name).add_items([{}])
        (*_, last) = await rows.entries(name)
        before = await rows.all()
        # What is found does not depend on the content: with mixed content, the first bytes alone are looked at anew.
        for bit in range(40 if mixed else 8 * len(last.payload)):
            flipped = bytearray(last.payload)
            flipped[bit // 8] ^= 1 << bit % 8
            async with rows.altered(last, payload=bytes(flipped)):
                for way in (["get_items", "pop_item"], list(READS))[bit % 8 == 0]:
                    with pytest.raises(DecryptionError):
                        await READS[way](seal(name, allow_plain_text=mixed))
                        pytest.fail(f"bit {bit} was not found by {way}")
        assert await rows.all() == before
        assert await seal(name).get_items() == [item("u1"), {}]

    @pytest.mark.parametrize("mixed", [False, True], ids=["sealed", "mixed content"])
    async def test_each_truncation_is_found(self, seal: MakeSealed, rows: Rows, name: str, *, mixed: bool) -> None:
        await seal(name).add_items([item("u1"), {}])
        (*_, last) = await rows.entries(name)
        before = await rows.all()
        for length in range(len(last.payload)):
            async with rows.altered(last, payload=last.payload[:length]):
                await self._assert_found(seal, name, f"a payload of {length} bytes", mixed=mixed)
        async with rows.altered(last, payload=last.payload + b"\0"):
            await self._assert_found(seal, name, "a longer payload", mixed=mixed)
        assert await rows.all() == before

    @pytest.mark.parametrize("hide", [False, True], ids=["tools' names in the clear", "hidden"])
    async def test_each_column_is_bound(self, seal: MakeSealed, rows: Rows, name: str, *, hide: bool) -> None:
        session = seal(name, hide_tool_names=hide)
        await session.add_items([item("u1")])
        await session.add_items([CALL])
        (*_, last) = await rows.entries(name)
        assert last.tool_name == (None if hide else "look")
        before = await rows.all()
        altered = {
            "version": last.version - 1, "turn": last.turn + 1, "kind": "assistant", "tool_name": "find",
            "author": "somebody", "created_at": last.created_at - 1, "expires_at": last.created_at + 10**15,
        }  # fmt: skip
        for column, value in altered.items():
            async with rows.altered(last, **{column: value}):
                await self._assert_found(seal, name, column)
        if not hide:
            async with rows.altered(last, tool_name=None):
                await self._assert_found(seal, name, "no tool name")
        async with rows.altered(last, tool_name=""):
            await self._assert_found(seal, name, "an empty tool name")
        assert await rows.all() == before

    async def test_a_moved_entry_is_found(self, seal: MakeSealed, rows: Rows, name: str) -> None:
        await seal(name).add_items([item("u1"), item("a1")])
        (*_, last) = await rows.entries(name)
        await rows.lengthen(name)
        async with rows.altered(last, id=last.id + 1):
            await self._assert_found(seal, name, "an entry that was moved")

    async def test_swaps_within_a_session_are_found(self, seal: MakeSealed, rows: Rows, name: str) -> None:
        await seal(name).add_items([item("u1"), item("a1"), item("a2")])
        *_, one, other = await rows.entries(name)
        before = await rows.all()
        async with rows.swapped(one, other, "payload"):
            await self._assert_found(seal, name, "swapped payloads")
        async with rows.swapped(one, other):
            await self._assert_found(seal, name, "swapped entries")
        async with rows.altered(other, payload=one.payload):
            await self._assert_found(seal, name, "a repeated payload")
        assert await rows.all() == before

    async def test_swaps_between_sessions_are_found(self, seal: MakeSealed, rows: Rows, name: str) -> None:
        for session_id in (name, "other"):
            await seal(session_id).add_items([item("u1"), item("a1")])
        before = await rows.all()
        one, other = (await rows.entries(name))[-1], (await rows.entries("other"))[-1]
        for columns in (["payload"], ["payload", "version", "turn", "kind", "created_at"], []):
            async with rows.swapped(one, other, *columns):
                await self._assert_found(seal, name, f"swapped {columns}")
                await self._assert_found(seal, "other", f"swapped {columns}")
        assert await rows.all() == before

    async def test_swaps_between_branches_are_found(self, seal: MakeSealed, rows: Rows, name: str) -> None:
        session = seal(name)
        await session.add_items([item("u1"), item("a1")])
        await session.branches.create("b", position=1)
        await session.on_branch("b").add_items([item("a1b")])
        _, on_main, on_b = await rows.entries(name)
        assert on_main.place[1] == on_b.place[1] == 2
        before = await rows.all()
        for columns in (["payload"], []):
            async with rows.swapped(on_main, on_b, *columns):
                await self._assert_found(seal, name, f"swapped {columns}")
                with pytest.raises(DecryptionError):
                    await seal(name).on_branch("b").pop_item()
        assert await rows.all() == before

    async def test_plain_rows_are_found(self, seal: MakeSealed, rows: Rows, name: str) -> None:
        await seal(name).add_items([item("u1"), item("a1")])
        (*_, last) = await rows.entries(name)
        plain = json.dumps(item("forged")).encode()
        async with rows.altered(last, payload=plain):
            await self._assert_found(seal, name, "an entry in the clear")
        await rows.add(last._replace(id=last.id + 1, payload=plain))
        await rows.lengthen(name)
        before = await rows.all()
        await self._assert_found(seal, name, "a new entry in the clear")
        assert await rows.all() == before

    # --- Seals -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("mixed", [False, True], ids=["sealed", "mixed content"])
    async def test_a_removed_seal_is_found(self, seal: MakeSealed, rows: Rows, name: str, *, mixed: bool) -> None:
        await seal(name).add_items([item("u1"), item("a1")])
        await rows.set_seal(name, None)
        before = await rows.all()
        await self._assert_found(seal, name, "a removed seal", mixed=mixed)
        with pytest.raises(DecryptionError):
            await seal(name).add_items([item("u2")])
        with pytest.raises(DecryptionError):
            await seal(name).rotate(reencrypt=True)
        assert await rows.all() == before

    async def test_the_seal_of_another_session_is_found(self, seal: MakeSealed, rows: Rows, name: str) -> None:
        for session_id in (name, "other"):
            await seal(session_id).add_items([item("u1"), item("a1")])
        await rows.set_seal(name, await rows.seal("other"))
        before = await rows.all()
        await self._assert_found(seal, name, "another session's seal")
        for operation in (lambda: seal(name).add_items([item("u2")]), lambda: seal(name).rotate()):
            with pytest.raises(DecryptionError):
                await operation()
        assert await rows.all() == before

    async def test_each_altered_byte_of_a_seal_is_found(self, seal: MakeSealed, rows: Rows, name: str) -> None:
        await seal(name).add_items([item("u1"), item("a1")])
        original = await rows.seal(name)
        assert original
        before = await rows.all()
        for index in range(len(original)):
            altered = bytearray(original)
            altered[index] ^= 2
            await rows.set_seal(name, bytes(altered))
            with pytest.raises(DecryptionError) as caught:
                await seal(name).get_items()
                pytest.fail(f"byte {index} was not found: {bytes(altered)!r}")
            assert repr(name) in str(caught.value)
        for length in range(0, len(original), 7):
            await rows.set_seal(name, original[:length])
            await self._assert_found(seal, name, f"a seal of {length} bytes")
        await rows.set_seal(name, original)
        assert await rows.all() == before

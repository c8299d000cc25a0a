"""The contract for exports and imports."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from sessions.crypto.keys import generate_key
from sessions.errors import (
    ConflictError,
    InvalidExportError,
    PlainTextRefusedError,
    SessionExistsError,
    UnknownSessionError,
)
from sessions.store.opening import open_store
from sessions.testing.expiry_model import MovableClock
from sessions.testing.export_damages import DAMAGES, SOME, WHOLE_BEFORE, find, of
from sessions.testing.export_model import ExportMachine, comparable, exported
from sessions.testing.machines import run_machine
from sessions.testing.observing import observe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore

LARGE: Final = 1200
"""Items of a session that is exported and imported in several pages."""


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def fill(store: Store, session_id: str, owner: Any = "ann") -> None:
    """Make a session that has some of everything."""
    session = store.session(session_id, owner=owner)
    await session.add_items([_user("1"), {"role": "assistant", "content": "é 😀 \x00 \u2028"}], keys=["k1", None])
    await session.add_items([_user("2")], idempotency_key="once")
    await session.undo()
    await session.as_author("bob").add_items([_user("another 2")], keys=["k2"])
    await session.branches.create("draft", turn=1, switch=True)
    await session.add_items([_user("gone"), {"role": "assistant", "content": "popped"}], keys=["k3", "k4"])
    await session.pop_item()
    await session.handover("carol", note="please")
    await session.add_items([_user("short-lived")], ttl=3600)
    await session.usage.record(input_tokens=7, output_tokens=1, model="m", cost="0.25", key="u")
    await session.set_info(title="T", tags=["b", "a"], metadata={"n": [1, None, 2.5]}, archived=True)
    await session.undo()


async def refuse_damaged(store: Store, elsewhere: Store, folder: Path, damage: str) -> None:
    """See that a damaged export is refused, that nothing of it is visible, and that the whole one is imported then."""
    await fill(elsewhere, "s")
    lines = await exported(elsewhere, "s")
    content = b"".join(DAMAGES[damage](lines))
    path = folder / "export.jsonl"
    path.write_bytes(content)
    for source in (path, [content]):
        with pytest.raises(InvalidExportError, match=r"^line \d+") as caught:
            await store.import_sessions(source)
        assert caught.value.line >= 1
        assert not any(word in str(caught.value) for word in ("SECRET", "short-lived", "please"))
        # Of pieces, whole sessions before the line are there.
        expected = ["s"] if damage in WHOLE_BEFORE and source is not path else []
        assert [listed.session_id for listed in await store.sessions()] == expected
        await store.delete("s")
    path.write_bytes(b"".join(lines))
    assert (await store.import_sessions(path)).sessions == 1
    assert await observe(store, "s") == await observe(elsewhere, "s")


class ExportContract:
    """The promises of a store about exports and imports. Subclass it as ``Test…`` with the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 12
    """How many sequences of operations are tried; fewer do for a slow store that shares its code."""

    encrypted: ClassVar[bool] = False
    """Whether the store encrypts its sessions."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    @pytest.fixture
    async def store(self, open_here: OpenStore) -> AsyncIterator[Store]:
        """Return the test's store, without the sessions that other tests of this contract have left."""
        store = open_here()
        for listed in await store.sessions(limit=1000):
            await store.delete(listed.session_id)
        yield store
        await store.close()

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Store]:
        """Return another store, of another kind."""
        async with open_store("sqlite://", **self._options()) as store:
            yield store

    def _options(self) -> dict[str, Any]:
        """Return how the other store is opened: encrypted if this one is not."""
        return {} if self.encrypted else {"encryption_key": generate_key()}

    # --- Equality ----------------------------------------------------------------------------------------------------

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        elsewhere = open_store("sqlite://", **self._options())
        run_machine(lambda: ExportMachine(open_here, elsewhere, time), self.EXAMPLES, steps=30)
        asyncio.run(elsewhere.close())

    async def test_there_and_back(self, store: Store, elsewhere: Store) -> None:
        await fill(store, "s")
        before = await observe(store, "s")
        lines = await exported(store, "s")
        await elsewhere.import_sessions(lines)
        assert await observe(elsewhere, "s") == before
        back = await exported(elsewhere, "s")
        assert comparable(back) == comparable(lines)
        assert [str(finding) async for finding in elsewhere.session("s").verify()] == []
        await store.delete("s")
        await store.import_sessions(back)
        assert await observe(store, "s") == before
        session = store.session("s", owner="ann")
        # Keys are known there: of an item, of a popped one, and of an append.
        await session.add_items([_user("gone"), {"role": "assistant", "content": "popped"}], keys=["k3", "k4"])
        await session.add_items([_user("2")], idempotency_key="once")
        after = await observe(store, "s")
        assert (after["drawn"], after["branch draft"]) == (before["drawn"], before["branch draft"])

    async def test_a_late_output_takes_the_place_of_a_repaired_one(self, store: Store, elsewhere: Store) -> None:
        """Fails without: store/importing.py, `PLACEHOLDER`: models would be shown two outputs of one call."""
        session = store.session("s")
        call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
        output = {"type": "function_call_output", "call_id": "c", "output": "late"}
        await session.add_items([_user("1"), call])
        assert (await session.repair(apply=True)).repaired
        await elsewhere.import_sessions(await exported(store, "s"))
        there = elsewhere.session("s")
        assert [str(finding) async for finding in there.verify()] == []
        for each in (session, there):
            await each.add_items([output])
            assert await each.get_items() == [_user("1"), call, output]

    async def test_a_watcher_goes_on_in_the_imported_session(self, store: Store, elsewhere: Store) -> None:
        await fill(store, "s")
        version = await store.session("s").version()
        await elsewhere.import_sessions(await exported(store, "s"))
        session = elsewhere.session("s")
        await session.add_items([_user("new")])
        async for found in session.watch(after=version):
            assert (found.version, found.items) == (version + 1, [_user("new")])
            break
        kinds = []
        async for found in session.watch(after=0):
            kinds.append(found.kind)
            if found.version == version + 1:
                break
        assert {"appended", "undone", "branched", "popped", "handed_over", "info_changed"} <= set(kinds)

    async def test_an_item_that_cannot_be_read_goes_along(self, store: Store, elsewhere: Store) -> None:
        """Fails without: log/exports/lines.py, the check for line ends."""
        await store.session("s").add_items([_user("1"), _user("2")])
        lines = await exported(store, "s")
        odd = [b'{"a":\n NaN}', b"\xff\x00", b"[1]", b" {} ", b""]
        entry = json.loads(lines[find(lines, "entry")])
        made = []
        for number, payload in enumerate(odd, 3):
            entry |= {"position": number, "kind": "unknown", "turn": 2, "payload": b64encode(payload).decode()}
            made.append(json.dumps({name: value for name, value in entry.items() if name != "item"}).encode() + b"\n")
        at = find(lines, "branch")
        lines = [*lines[:at], *made, *lines[at:]]
        for kind, values in {
            "run": {"to": 7},
            "branch": {"tip": 7},
            "end": {"entries": 7},
            "closing": {"entries": 7},
        }.items():
            lines = of(kind, **values)(lines)
        await elsewhere.import_sessions(lines)
        assert comparable(await exported(elsewhere, "s")) == comparable(lines)
        assert [item["content"] for item in await elsewhere.session("s").get_items() if "role" in item] == ["1", "2"]

    # --- Which sessions ----------------------------------------------------------------------------------------------

    async def test_all_some_and_an_owners_sessions(self, store: Store) -> None:
        owners: dict[str, Any] = {"b": "ann", "a": ("acme", "x"), "c": ("acme", "y"), "d": "anna"}
        for session_id, owner in owners.items():
            await store.session(session_id, owner=owner).add_items([_user("1")])

        async def ids(*args: Any, **options: Any) -> list[str]:
            pieces = [piece async for piece in store.export_lines(*args, plain=True, **options)]
            lines = map(json.loads, b"".join(pieces).splitlines())
            return [line["id"] for line in lines if line["type"] == "session"]

        assert await ids() == ["b", "a", "c", "d"]
        assert await ids(["c", "b", "c"]) == ["c", "b"]
        assert await ids([]) == []
        assert await ids(owner="ann") == ["b"]
        assert await ids(owner=("acme", "y")) == ["c"]
        assert await ids(below="acme") == ["a", "c"]
        assert await ids(owner="nobody") == []
        done: list[Any] = []
        _ = [piece async for piece in store.export_lines(below="acme", plain=True, progress=done.append)]
        assert [one.sessions for one in done][-1] == 2
        assert await ids(after=done[-1].cursor) == ["d"]
        with pytest.raises(UnknownSessionError, match="'x' does not exist"):
            await ids(["a", "x"])
        for wrong in ({"owner": "a", "below": "a"}, {"after": "x"}, {"after": "9" * 50}, {"format": "csv"}):
            with pytest.raises(ValueError, match="Nothing was exported"):
                await ids(**wrong)
        mistakes: list[dict[str, Any]] = [{"owner": None}, {"ids": "a"}, {"ids": [1]}, {"ids": 5}]
        for mistake in mistakes:
            with pytest.raises(TypeError):
                await ids(**mistake)

    async def test_an_encrypted_session_is_plain_text_only_if_told_so(self, store: Store, tmp_path: Path) -> None:
        await store.session("s").add_items([_user("SECRET")])
        path = tmp_path / "export.jsonl"
        if self.encrypted:
            for ids in (None, ["s"]):
                with pytest.raises(PlainTextRefusedError, match=r"'s' is encrypted.*plain=True"):
                    await store.export_sessions(path, ids)
            assert not path.exists()
            assert not path.with_name("export.jsonl.partial").exists()
        done = await store.export_sessions(path, plain=self.encrypted)
        assert (done.sessions, done.entries, done.size) == (1, 1, path.stat().st_size)
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"SECRET" in path.read_bytes()

    # --- Changes meanwhile -------------------------------------------------------------------------------------------

    async def test_items_that_are_added_meanwhile_are_left_out(self, store: Store, elsewhere: Store) -> None:
        session = store.session("s")
        await session.add_items([_user(f"{number}") for number in range(LARGE)])
        pieces = []
        async for piece in store.export_lines(["s"], plain=True):
            pieces.append(piece)
            if len(pieces) > 1:
                # Nobody waits for the export: no transaction is open.
                await session.add_items([_user("later")])
                await session.undo()
                await session.branches.create(f"b{len(pieces)}")
        await elsewhere.import_sessions(pieces)
        there = elsewhere.session("s")
        assert [item["content"] for item in await there.get_items()] == [f"{number}" for number in range(LARGE)]
        assert [branch.name for branch in await there.branches.list()] == ["main"]

    @pytest.mark.parametrize("what", ["popped", "cleared", "replaced"])
    async def test_if_items_go_meanwhile_the_session_begins_again(
        self, store: Store, elsewhere: Store, what: str
    ) -> None:
        """Fails without: log/exports/snapshot.py, `return None` for a change that does not keep entries."""
        session = store.session("s")
        await session.add_items([_user(f"{number}") for number in range(LARGE)])
        pieces: list[bytes] = []
        done: list[Any] = []
        async for piece in store.export_lines(["s"], plain=True, progress=done.append):
            pieces.append(piece)
            if len(pieces) == 2:
                match what:
                    case "popped":
                        await session.pop_item()
                    case "cleared":
                        await session.clear_session()
                    case _:
                        await store.delete("s")
                        await session.add_items([_user("new")])
        assert done[-1].restarted == 1
        assert b'"void"' in b"".join(pieces)
        imported = await elsewhere.import_sessions(pieces)
        assert (imported.sessions, imported.entries) == (1, len(await store.session("s").entries()))
        assert await observe(elsewhere, "s") == await observe(store, "s")
        # A session that is skipped is skipped once.
        assert (await elsewhere.import_sessions(pieces, on_exists="skip")).skipped == 1

    async def test_a_session_that_is_deleted_meanwhile_is_left_out(self, store: Store, elsewhere: Store) -> None:
        await store.session("s").add_items([_user(f"{number}") for number in range(LARGE)])
        await store.session("t").add_items([_user("1")])
        pieces: list[bytes] = []
        async for piece in store.export_lines(plain=True):
            pieces.append(piece)
            await store.delete("s")
        assert (await elsewhere.import_sessions(pieces)).sessions == 1
        assert [listed.session_id for listed in await elsewhere.sessions()] == ["t"]

    async def test_a_session_that_changes_again_and_again_is_refused(self, store: Store) -> None:
        session = store.session("s")
        await session.add_items([_user(f"{number}") for number in range(LARGE)])

        async def pop_at_each_piece() -> None:
            async for _ in store.export_lines(["s"], plain=True):
                await session.pop_item()

        with pytest.raises(ConflictError, match=r"'s' was not exported.*10 times"):
            await pop_at_each_piece()

    # --- Imports -----------------------------------------------------------------------------------------------------

    async def test_a_session_is_visible_when_it_is_whole(self, store: Store, elsewhere: Store) -> None:
        items = [_user(f"{number}") for number in range(LARGE)]
        await elsewhere.session("s").add_items(items, keys=[f"k{number}" for number in range(LARGE)])
        lines = await exported(elsewhere, "s")
        seen: list[Any] = []

        async def slowly() -> AsyncIterator[bytes]:
            for line in lines:
                yield line
                if len(seen) < 3:
                    page = await store.sessions(limit=5)
                    seen.append((await store.get("s"), page, await store.find("k1"), await store.count()))

        done: list[Any] = []
        await store.import_sessions(slowly(), progress=done.append)
        assert seen == [(None, [], [], 0)] * 3
        assert [one.entries for one in done] == sorted(one.entries for one in done)
        assert (done[0].sessions, done[-1].sessions, done[-1].entries) == (0, 1, LARGE)
        assert await store.session("s").get_items() == items

    async def test_a_session_that_exists_is_an_error_or_skipped(self, store: Store, elsewhere: Store) -> None:
        for session_id in ("a", "b", "c"):
            await elsewhere.session(session_id).add_items([_user("theirs")])
        lines = await exported(elsewhere, "a", "b", "c")
        await store.session("b").add_items([_user("mine")])
        with pytest.raises(SessionExistsError, match=r"'b' exists already.*before it were \(1\).*on_exists='skip'"):
            await store.import_sessions(lines)
        assert sorted(listed.session_id for listed in await store.sessions()) == ["a", "b"]
        done = await store.import_sessions(lines, on_exists="skip")
        assert (done.sessions, done.skipped, done.entries) == (1, 2, 1)
        assert await store.session("b").get_items() == [_user("mine")]
        assert await store.session("c").get_items() == [_user("theirs")]
        with pytest.raises(ValueError, match="on_exists must be"):
            await store.import_sessions(lines, on_exists="replace")  # type: ignore[arg-type]

    async def test_of_two_imports_at_once_one_makes_the_session(self, store: Store, elsewhere: Store) -> None:
        await elsewhere.session("s").add_items([_user(f"{number}") for number in range(LARGE)])
        lines = await exported(elsewhere, "s")
        done = await asyncio.gather(*(store.import_sessions(lines, on_exists="skip") for _ in range(3)))
        assert sorted(one.sessions for one in done) == [0, 0, 1]
        assert len(await store.session("s").get_items()) == LARGE

    async def test_pieces_may_be_cut_anywhere(self, store: Store, elsewhere: Store) -> None:
        await fill(elsewhere, "s")
        content = b"".join(await exported(elsewhere, "s"))
        for size in (1, 7, len(content)):
            pieces = [content[first : first + size] for first in range(0, len(content), size)]
            assert (await store.import_sessions(pieces)).sessions == 1
            assert await observe(store, "s") == await observe(elsewhere, "s")
            await store.delete("s")
        # The end of the last line may be missing.
        assert (await store.import_sessions([content.decode().removesuffix("\n")])).sessions == 1
        for wrong in (5, content, [1], None):
            with pytest.raises(TypeError, match="imported"):
                await store.import_sessions(wrong)  # type: ignore[arg-type]

    @pytest.mark.parametrize("damage", SOME)
    async def test_a_wrong_line_is_named_and_nothing_is_visible(
        self, store: Store, elsewhere: Store, damage: str, tmp_path: Path
    ) -> None:
        await refuse_damaged(store, elsewhere, tmp_path, damage)

    async def test_a_line_that_is_too_long_is_refused(self, store: Store, elsewhere: Store, tmp_path: Path) -> None:
        await elsewhere.session("s").add_items([_user("1"), _user("x" * 100_000)])
        path = tmp_path / "export.jsonl"
        path.write_bytes(b"".join(await exported(elsewhere, "s")))
        with pytest.raises(
            InvalidExportError, match=r"line 5, in session 's': it is longer than 50,000 bytes.*max_line"
        ) as caught:
            await store.import_sessions(path, max_line=50_000)
        assert caught.value.line == 5
        assert await store.count() == 0
        await store.import_sessions(path)
        assert await store.session("s").get_items() == await elsewhere.session("s").get_items()

    async def test_a_failed_import_is_collected_and_can_be_repeated(self, store: Store, elsewhere: Store) -> None:
        await elsewhere.session("s").add_items([_user(f"{number}") for number in range(LARGE)])
        lines = await exported(elsewhere, "s")
        with pytest.raises(InvalidExportError, match="ends before"):
            await store.import_sessions(lines[:-3])
        await store.purge_expired()
        await store.session("other").add_items([_user("1")])
        receipt = await store.erase("other", scrub=False)
        assert receipt.entries == 1
        await store.import_sessions(lines)
        assert len(await store.session("s").get_items()) == LARGE

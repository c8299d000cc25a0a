"""The promises of an encrypted session while its keys are rotated.

A part of `sessions.testing.EncryptedContract`.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sessions.crypto.keys import KeyRing
from sessions.errors import DecryptionError
from sessions.testing.encrypted.fixtures import KEYS, EncryptedFixtures, both, fill, new, texts_of
from sessions.testing.tree_model import item
from sessions.types.receipts import Rotation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.encrypted import EncryptedSession
    from sessions.testing.encrypted.fixtures import MakeEncrypted
    from sessions.testing.encrypted.rows import Rows

BATCH = 4
"""Entries that are encrypted again in one transaction, here."""


class _StoppedError(Exception):
    """A rotation was interrupted."""


class _Others:
    """Operations of others on a session until it has been rotated, each with a new object."""

    def __init__(self, make: Callable[[], EncryptedSession]) -> None:
        self._make = make
        self.rotated = asyncio.Event()
        self.added: list[str] = []
        self.forks: list[str] = []

    async def repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        """Work five times at least."""
        done = 0
        while done < 5 or not self.rotated.is_set():
            await work()
            done += 1

    async def write(self) -> None:
        number = len(self.added)
        texts = [f"u{number + 100}", f"a{number + 101}"]
        await self._make().on_branch("main").add_items([item(text) for text in texts])
        self.added += texts

    async def read(self) -> None:
        session = self._make().on_branch("kept")
        assert len(await session.get_items()) == 20
        assert len(await session.get_items(3)) == 3

    async def pop(self) -> None:
        session = self._make().on_branch("popped")
        await session.add_items([item("upop")])
        assert await session.pop_item() == item("upop")

    async def fork(self) -> None:
        branch = f"f{len(self.forks)}"
        await self._make().branches.create(branch, source="kept", position=10)
        await self._make().on_branch(branch).add_items([item(f"u{branch}")])
        self.forks.append(branch)


class RotationContract(EncryptedFixtures):
    """Rotation, beside everything else."""

    @pytest.fixture(autouse=True)
    def _short_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sessions.log.lifetime.reencrypt._BATCH", BATCH)

    # --- Rotation ------------------------------------------------------------------------------------------------

    async def test_rewrapping_retires_the_old_key(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        texts = await fill(make_encrypted(name))
        payloads = [row.payload for row in await rows.entries(name)]
        assert (await make_encrypted(name, both()).rotate()).rewrapped == 1
        assert [row.payload for row in await rows.entries(name)] == payloads
        assert texts_of(await make_encrypted(name, new()).get_items()) == texts
        with pytest.raises(DecryptionError, match="'new'"):
            await make_encrypted(name).get_items()
        before = await rows.all()
        assert (await make_encrypted(name, new()).rotate()).rewrapped == 0
        assert await rows.all() == before

    @pytest.mark.parametrize(
        ("first", "then"),
        [
            (KEYS["old"], KeyRing({"2025": KEYS["old"]})),
            (KEYS["old"], KeyRing({"2025": KEYS["old"], "2026": KEYS["new"]})),
            (KeyRing({"2025": KEYS["old"]}), KEYS["old"]),
            (KeyRing({"2025": KEYS["old"]}), KeyRing({"renamed": KEYS["old"], "2026": KEYS["new"]})),
            (KeyRing({"2025": KEYS["old"]}), KeyRing({"2026": KEYS["old"], "2025": KEYS["new"]})),
        ],
        ids=["named", "named in a ring", "of a ring to a single one", "renamed", "swapped names"],
    )
    async def test_a_key_is_found_under_every_id(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, first: Any, then: Any
    ) -> None:
        texts = await fill(make_encrypted(name, first))
        before = await rows.all()
        assert texts_of(await make_encrypted(name, then).get_items()) == texts
        assert await rows.all() == before
        await make_encrypted(name, then).add_items([item("u10")])
        assert texts_of(await make_encrypted(name, first).get_items()) == [*texts, "u10"]
        # The stored id differs from the current key's, even for the same key: it is wrapped with the current id now.
        assert await make_encrypted(name, then).rotate() == Rotation(1, 1)
        assert await make_encrypted(name, then).rotate() == Rotation(1)
        assert texts_of(await make_encrypted(name, then).get_items()) == [*texts, "u10"]

    async def test_the_way_to_another_key_and_back_from_single_keys(
        self, make_encrypted: MakeEncrypted, name: str
    ) -> None:
        texts = await fill(make_encrypted(name, KEYS["old"]))
        await make_encrypted(name, both()).rotate()
        for key in (KEYS["new"], KeyRing({"any": KEYS["new"]})):
            assert texts_of(await make_encrypted(name, key).get_items()) == texts
        for key in (KEYS["old"], KeyRing({"new": KEYS["old"]})):
            with pytest.raises(DecryptionError, match="'new'"):
                await make_encrypted(name, key).get_items()

    async def test_reencrypting_replaces_every_payload(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        session = make_encrypted(name)
        texts = await fill(session)
        await session.branches.create("b", turn=2)
        await session.on_branch("b").add_items([item("ub"), item("ab")])
        await session.undo(2)
        before, old_keys = await rows.entries(name), await rows.wrapped_keys(name)
        told: list[Rotation] = []
        done = await make_encrypted(name, both()).rotate(reencrypt=True, progress=told.append)
        after = await rows.entries(name)
        assert (done.sessions, done.rewrapped, done.reencrypted) == (1, 1, 12)
        assert told[-1] == done
        assert [rotation.reencrypted for rotation in told] == sorted(rotation.reencrypted for rotation in told)
        assert [row[:-1] for row in after] == [row[:-1] for row in before]
        assert not {row.payload[1:5] for row in before} & {row.payload[1:5] for row in after}
        reader = make_encrypted(name, new())
        assert texts_of(await reader.redo()) == texts[6:]
        assert texts_of(await reader.get_items()) == texts
        assert texts_of(await reader.on_branch("b").get_items()) == ["u0", "a1", "ub", "ab"]
        # The old key with the old wrapped keys opens nothing any more.
        await rows.set_wrapped_keys(name, old_keys)
        with pytest.raises(DecryptionError):
            await make_encrypted(name).get_items()

    async def test_a_rotation_goes_on_after_each_interruption(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        texts = await fill(make_encrypted(name), 14)
        began, attempts, reencrypted = datetime.now(UTC), 0, 0

        def interrupt(done: Rotation) -> None:
            nonlocal reencrypted
            if done.reencrypted:
                reencrypted += done.reencrypted
                raise _StoppedError

        finished = False
        while not finished:
            attempts += 1
            before = None if attempts == 1 else began
            try:
                await make_encrypted(name, both()).rotate(reencrypt=True, before=before, progress=interrupt)
                finished = True
            except _StoppedError:
                assert texts_of(await make_encrypted(name, both()).get_items()) == texts
                text = f"u{len(texts)}"
                await make_encrypted(name, both()).add_items([item(text)])
                texts.append(text)
        assert attempts >= 4
        assert reencrypted == 14
        assert texts_of(await make_encrypted(name, new()).get_items()) == texts
        assert len({row.payload[1:5] for row in await rows.entries(name)}) == 1

    @pytest.mark.parametrize("ahead", [1, 2, 3])
    async def test_two_rotations_at_once_lose_nothing(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str, ahead: int
    ) -> None:
        texts = await fill(make_encrypted(name), 14)
        later = make_encrypted(name, both())
        between: list[Rotation] = []

        async def second() -> None:
            await later.rotate(reencrypt=True, progress=between.append)

        waiting: list[asyncio.Task[None]] = []

        def begin(done: Rotation) -> None:
            if done.reencrypted == ahead * BATCH and not waiting:
                waiting.append(asyncio.ensure_future(second()))

        await make_encrypted(name, both()).rotate(reencrypt=True, progress=begin)
        await waiting[0]
        assert between
        assert texts_of(await make_encrypted(name, new()).get_items()) == texts
        assert len({row.payload[1:5] for row in await rows.entries(name)}) == 1

    async def test_a_newer_data_key_in_the_middle_of_a_pass(
        self, make_encrypted: MakeEncrypted, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """One rotation adds a key while another is half done, and stops: the other must keep the key that it used."""
        texts = await fill(make_encrypted(name), 14)
        real, batches = make_encrypted(name, both()), 0

        def stop(done: Rotation) -> None:
            if done.rewrapped:
                raise _StoppedError

        from sessions.session import rotation  # noqa: PLC0415 - to be replaced

        reencrypt = rotation._reencrypt  # noqa: SLF001

        async def reencrypt_slowly(handle: Any, before: Any) -> Any:
            nonlocal batches
            batches += 1
            if batches == 3:
                with pytest.raises(_StoppedError):
                    await make_encrypted(name, both()).rotate(reencrypt=True, progress=stop)
            return await reencrypt(handle, before)

        monkeypatch.setattr(rotation, "_reencrypt", reencrypt_slowly)
        await real.rotate(reencrypt=True)
        assert texts_of(await make_encrypted(name, new()).get_items()) == texts

    async def test_rotation_beside_readers_writers_poppers_and_forks(
        self, make_encrypted: MakeEncrypted, rows: Rows, name: str
    ) -> None:
        texts = await fill(make_encrypted(name), 20)
        for branch in ("popped", "kept"):
            await make_encrypted(name).branches.create(branch)
        others = _Others(lambda: make_encrypted(name, both()))

        async def rotate() -> None:
            for _ in range(2):
                await make_encrypted(name, both()).rotate(reencrypt=True)
            others.rotated.set()

        works = (others.write, others.read, others.pop, others.fork)
        await asyncio.gather(rotate(), *(others.repeat(work) for work in works))
        session = make_encrypted(name, new())
        assert texts_of(await session.on_branch("main").get_items()) == texts + others.added
        assert texts_of(await session.on_branch("popped").get_items()) == texts
        assert others.forks
        for branch in others.forks:
            assert texts_of(await session.on_branch(branch).get_items()) == [*texts[:10], f"u{branch}"]
        # Items added beside the last batch are encrypted with the newest key, too.
        assert len({row.payload[1:5] for row in await rows.entries(name)}) == 1

    async def test_rotating_what_is_not_there(self, make_encrypted: MakeEncrypted, rows: Rows, name: str) -> None:
        before = await rows.all()
        assert (await make_encrypted(name).rotate(reencrypt=True)).reencrypted == 0
        assert (await rows.all())["sessions"] == before["sessions"]

    async def test_a_session_that_another_one_cleared(self, make_encrypted: MakeEncrypted, name: str) -> None:
        first, second = make_encrypted(name), make_encrypted(name)
        await first.add_items([item("u1")])
        await first.add_items([item("u2")])
        await second.clear_session()
        await first.add_items([item("u3")])
        assert texts_of(await second.get_items()) == ["u3"]

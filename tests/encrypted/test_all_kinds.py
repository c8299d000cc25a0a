"""Keys of sessions, of namespaces and of threads: rotated, destroyed and noted in the same way, on each database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import DecryptionError, KeyRing, Rotation, RotationIncompleteError, generate_key, open_store
from sessions.checkpoints import rotating as thread_rotating
from sessions.crypto.subject import Subject
from sessions.crypto.wrapped_keys import read_wrapped_keys
from sessions.log.lifetime import reencrypt as session_rotating
from sessions.memory import rotating as space_rotating
from sessions.testing.encrypted.key_provider import KeptKeys

from .kinds import KINDS

if TYPE_CHECKING:
    from sessions import Store

    from .kinds import Kind

OLD, NEW = generate_key(), generate_key()


class _StoppedError(Exception):
    pass


class Destroying(KeptKeys):
    """Keeps keys, and destroys those of a subject."""

    async def destroy(self, *, subject: Subject) -> None:
        self.fault("destroy")
        self.kept = {place: secret for place, secret in self.kept.items() if place[1] != subject}

    @property
    def names(self) -> set[tuple[str, str]]:
        """The subjects that it has keys of: their kinds, and the first label of their names."""
        return {(subject.kind, subject.name.split("\x01")[0]) for _, subject, _ in self.kept}


def opened(url: str, key: Any, **more: Any) -> Store:
    return open_store(url, encryption_key=key, create_tables=True, **more)


def counted(kind: Kind, count: int, **more: Any) -> Rotation:
    """Return a result that has examined some subjects."""
    counts: dict[str, Any] = {kind.counted: count}
    return Rotation(**counts, **more)


def both() -> KeyRing:
    return KeyRing({"old": OLD, "new": NEW})


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """Each kind, in batches of a few payloads."""
    for module in (thread_rotating, session_rotating, space_rotating):
        monkeypatch.setattr(module, "_BATCH", 3)
    return KINDS[request.param]


async def _fill(url: str, kind: Kind, *names: str, key: Any = OLD) -> dict[str, Any]:
    async with opened(url, key) as store:
        for name in names:
            await kind.fill(store, name, None)
        return {name: await kind.read(store, name) for name in names}


async def test_rewrapping_retires_the_old_key(anywhere: str, kind: Kind) -> None:
    """Fails without: checkpoints/rotating.py, `replace_wrapped_keys`; store/rotating.py, `_threads` and `_memories`."""
    held = await _fill(anywhere, kind, "a", "b")
    async with opened(anywhere, both()) as store:
        before = await kind.headers(store)
        seen: list[Rotation] = []
        assert await store.rotate(progress=seen.append) == counted(kind, 2, rewrapped=2)
        assert seen[-1] == counted(kind, 2, rewrapped=2)
        assert await store.rotate() == counted(kind, 2)
        assert await kind.headers(store) == before
    async with opened(anywhere, KeyRing({"new": NEW})) as store:
        assert {name: await kind.read(store, name) for name in held} == held
        assert [finding async for finding in store.verify()] == []
    async with opened(anywhere, KeyRing({"old": OLD})) as store:
        with pytest.raises(DecryptionError):
            await kind.read(store, "a")


async def test_reencrypting_replaces_every_payload_and_drops_the_old_data_key(anywhere: str, kind: Kind) -> None:
    """Fails without: checkpoints/rotating.py, `newest_only`; the same in memory/rotating.py."""
    held = await _fill(anywhere, kind, "a", "b")
    async with opened(anywhere, both()) as store:
        before = await kind.headers(store)
        rotation = await store.rotate(reencrypt=True)
        assert (getattr(rotation, kind.counted), rotation.rewrapped, rotation.failed) == (2, 2, ())
        after = await kind.headers(store)
        assert len(after) == 2
        assert not after & before
        subject = Subject(kind.kind, "any")
        assert [len(read_wrapped_keys(subject, keys)) for keys in await kind.keys(store)] == [1, 1]
    async with opened(anywhere, KeyRing({"new": NEW})) as store:
        assert {name: await kind.read(store, name) for name in held} == held
        await kind.fill(store, "a", None)
        assert await kind.headers(store) == after
        assert [finding async for finding in store.verify()] == []


async def test_a_rotation_goes_on_after_each_interruption(anywhere: str, kind: Kind) -> None:
    """Fails without: db/rotation.py, `Pass.place`, or `while True` in `rotate`."""
    held = await _fill(anywhere, kind, "a")
    steps = 0
    while steps < 40:
        left = steps

        def stop(_: Rotation) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise _StoppedError

        async with opened(anywhere, both()) as store:
            try:
                await store.rotate(reencrypt=True, progress=stop)
            except _StoppedError:
                assert await kind.read(store, "a") == held["a"]
                steps += 3
                continue
            break
    async with opened(anywhere, KeyRing({"new": NEW})) as store:
        assert await kind.read(store, "a") == held["a"]
        assert len(await kind.headers(store)) == 1


async def test_a_newer_data_key_in_the_middle_of_a_pass(anywhere: str, kind: Kind) -> None:
    """Another rotation adds a key while this one is half done, and stops: no payload may keep a key that is dropped.

    Fails without: db/rotation.py, `self.header == header`.
    """
    held = await _fill(anywhere, kind, "a")
    again = False
    store, other = opened(anywhere, both()), opened(anywhere, both())

    def stop(done: Rotation) -> None:
        if done.rewrapped:
            raise _StoppedError

    async def interrupt() -> None:
        with pytest.raises(_StoppedError):
            await other.rotate(reencrypt=True, progress=stop)

    waiting: list[asyncio.Task[None]] = []

    def begin(done: Rotation) -> None:
        nonlocal again
        if done.reencrypted and not again:
            again = True
            waiting.append(asyncio.ensure_future(interrupt()))

    async with store, other:
        await store.rotate(reencrypt=True, progress=begin)
        await asyncio.gather(*waiting)
        assert await kind.read(store, "a") == held["a"]
    async with opened(anywhere, KeyRing({"new": NEW})) as store:
        assert await kind.read(store, "a") == held["a"]


async def test_what_is_in_the_clear_is_encrypted_when_that_is_allowed(anywhere: str, kind: Kind) -> None:
    """Fails without: checkpoints/encryption.py, `allow_plain_text` in `KeyedCover.open`; store/rotating.py, `plain`."""
    async with open_store(anywhere, create_tables=True) as store:
        await kind.fill(store, "a", None)
        held = await kind.read(store, "a")
    async with opened(anywhere, NEW) as store:
        assert await store.rotate(reencrypt=True) == Rotation(plain=1)
        with pytest.raises(DecryptionError, match="allow_plain_text=True"):
            await kind.read(store, "a")
    async with opened(anywhere, NEW, allow_plain_text=True) as store:
        with pytest.raises(_StoppedError):
            await store.rotate(reencrypt=True, progress=_stop_in_the_middle)
        assert await kind.read(store, "a") == held
        assert (await store.rotate(reencrypt=True)).plain == 0
        assert await kind.read(store, "a") == held
    async with opened(anywhere, NEW) as store:
        assert await kind.read(store, "a") == held
        assert len(await kind.headers(store)) == 1
        assert [finding async for finding in store.verify()] == []


def _stop_in_the_middle(done: Rotation) -> None:
    if done.reencrypted:
        raise _StoppedError


async def test_what_another_key_wrapped_is_named_and_left(anywhere: str, kind: Kind) -> None:
    """Fails without: db/rotation.py, `except DecryptionError`."""
    await _fill(anywhere, kind, "foreign", key=generate_key())
    held = await _fill(anywhere, kind, "ours")
    async with opened(anywhere, both()) as store:
        for reencrypt in (False, True):
            with pytest.raises(RotationIncompleteError, match="do not open 1 of ") as caught:
                await store.rotate(reencrypt=reencrypt)
            assert caught.value.rotation.failed == (kind.named("foreign"),)
            assert caught.value.rotation.rewrapped == 1
            assert "secret" not in str(caught.value)
        assert await kind.read(store, "ours") == held["ours"]


async def test_rotation_beside_writers(anywhere: str, kind: Kind) -> None:
    """Fails without: checkpoints/lines.py, `_locked`, or checkpoints/rotating.py, `RAISE_LINE`."""
    await _fill(anywhere, kind, "a")
    async with opened(anywhere, both()) as store, opened(anywhere, both()) as other:
        rotated = asyncio.Event()

        async def write() -> None:
            while not rotated.is_set():
                await kind.fill(other, "a", None)
                await asyncio.sleep(0)

        async def rotate() -> None:
            for _ in range(3):
                await store.rotate(reencrypt=True)
            rotated.set()

        await asyncio.gather(write(), rotate())
        held = await kind.read(other, "a")
    async with opened(anywhere, KeyRing({"new": NEW})) as store:
        assert await kind.read(store, "a") == held
        assert len(await kind.headers(store)) == 1
        assert [finding async for finding in store.verify()] == []


async def test_erasing_destroys_the_keys_and_no_others(anywhere: str, kind: Kind) -> None:
    """Fails without: store/erasing.py, `destroy_keys` in `erase_subject`; memories/erasing.py, the same."""
    provider = Destroying()
    async with opened(anywhere, provider) as store:
        await kind.fill(store, "a", None)
        await kind.fill(store, "b", None)
        held = await kind.read(store, "b")
        provider.fault = _away
        with pytest.raises(OSError, match="away"):
            await kind.erase(store, "a")
        provider.fault = lambda _: None
        assert await kind.read(store, "a") is not None
        await kind.erase(store, "a")
        assert provider.names == {(kind.kind, "b")}
        assert await kind.read(store, "a") is None
        assert await kind.read(store, "b") == held
    async with opened(anywhere, provider.restarted()) as store:
        assert await kind.read(store, "b") == held


def _away(what: str) -> None:
    if what == "destroy":
        raise OSError("the service is away")


async def test_erasing_an_owner_destroys_keys_even_if_it_is_killed(anywhere: str, kind: Kind) -> None:
    """Fails without: store/erasing.py, `note_undestroyed`, or the components of `Destroying`."""
    provider = Destroying()
    async with opened(anywhere, provider) as store:
        await kind.fill(store, "a", "ann")
        await kind.fill(store, "b", "bob")
        provider.fault = _away
        with pytest.raises(OSError, match="away"):
            await store.erase_owner("ann", scrub=False)
        assert await kind.read(store, "a") is None
        assert provider.names == {(kind.kind, "a"), (kind.kind, "b")}
    provider.fault = lambda _: None
    async with opened(anywhere, provider) as store:
        await store.erase_owner("nobody", scrub=False)
        assert provider.names == {(kind.kind, "b")}
        assert await kind.read(store, "b") is not None


async def test_what_was_started_again_keeps_its_keys(anywhere: str, kind: Kind) -> None:
    """Fails without: `are_there` of a component's `Subjects`."""
    provider = Destroying()
    async with opened(anywhere, provider) as store:
        await kind.fill(store, "a", "ann")
        provider.fault = _away
        with pytest.raises(OSError, match="away"):
            await store.erase_owner("ann", scrub=False)
        provider.fault = lambda _: None
        await kind.fill(store, "a", None)
        (pending, *_) = (await store.erase_owner("nobody", scrub=False)).pending
        assert "was started again before its former keys were destroyed" in pending
        assert await kind.read(store, "a") is not None
        await kind.erase(store, "a")
        assert provider.names == set()


async def test_erasing_leaves_an_audit_row(anywhere: str, kind: Kind) -> None:
    """Fails without: store/thread_maintenance.py, `record`; store/erasing.py, `record` in `_note`."""
    async with opened(anywhere, OLD) as store:
        for name, owner in (("a", None), ("b", "ann")):
            await kind.fill(store, name, owner)
        await kind.erase(store, "a")
        await kind.erase(store, "missing")
        await store.erase_owner("ann", scrub=False, actor="admin")
        rows = await store.audits()
        assert {row.actor for row in rows} == {"support", "admin"}
        assert not any("a secret" in repr(row) or "missing" in repr(row) for row in rows)
        assert any(row.counts for row in rows)
        if kind.audited is not None:
            assert [row.what for row in await store.audits(**kind.audited("a"))] == ["erase"]
            assert [row.what for row in await store.audits(**kind.audited("b"))] == ["erase_owner"]
            assert await store.audits(**kind.audited("missing")) == []

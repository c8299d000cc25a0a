"""The key manager has keys for subjects of any kind, and binds payloads to whatever they are stored with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from sessions import DecryptionError, KeyRing, generate_key
from sessions.crypto.key_manager import KeyManager
from sessions.crypto.subject import KeyWanted, Subject, with_keys
from sessions.testing.encrypted.key_provider import KeptKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.crypto.keys import KeyProvider

pytestmark = [
    pytest.mark.filterwarnings("ignore::sessions.WeakKeyWarning"),
    pytest.mark.usefixtures("quick_passphrases"),
]

MEMORY = Subject("memory", "alice")
OTHERS = (Subject("session", "alice"), Subject("memory", "bob"), Subject("memor", "yalice"))


class Settings:
    """Keeps the salt of passphrases."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get_or_put(self, name: str, make: Callable[[], bytes]) -> bytes:
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]


@pytest.fixture(params=["ring", "passphrase", "provider"])
def keys(request: pytest.FixtureRequest) -> KeyRing | KeyProvider:
    if request.param == "provider":
        return KeptKeys()
    return KeyRing({"k": "a passphrase" if request.param == "passphrase" else generate_key()})


async def test_any_subject_and_any_associated_data(keys: KeyRing | KeyProvider) -> None:
    manager = KeyManager(keys, Settings())
    wrapped = await with_keys(partial(manager.new_keys, MEMORY))
    mine = await with_keys(partial(manager.unlock, MEMORY, wrapped))
    payload = mine.encrypt(b"likes tea", b"memory 7")

    assert mine.decrypt(payload, b"memory 7") == b"likes tea"
    for bound in (b"memory 8", b""):
        with pytest.raises(ValueError, match="altered"):
            mine.decrypt(payload, bound)
    for altered in (payload[:-1], payload[:4], b"", b"\4" + payload[1:]):
        with pytest.raises(ValueError, match="payload"):
            mine.decrypt(altered, b"memory 7")
    assert str(mine.refusal("memory 7", payload)).startswith("memory 'alice', encrypted with key")


# Fails without: crypto/key_encryption.py, `subject.kind, subject.name`
async def test_keys_are_those_of_one_subject(keys: KeyRing | KeyProvider) -> None:
    manager = KeyManager(keys, Settings())
    wrapped = await with_keys(partial(manager.new_keys, MEMORY))
    for other in OTHERS:
        with pytest.raises(DecryptionError, match=f"{other.kind} {other.name!r}"):
            await with_keys(partial(manager.unlock, other, wrapped))


async def test_a_transaction_is_told_to_fetch(keys: KeyRing | KeyProvider) -> None:
    settings = Settings()
    manager = KeyManager(keys, settings)
    if isinstance(keys, KeyRing) and not keys.needs_stretching:
        assert manager.unlock(MEMORY, manager.new_keys(MEMORY)).subject == MEMORY
        return
    with pytest.raises(KeyWanted) as wanted:
        manager.new_keys(MEMORY)
    await wanted.value.fetch()
    assert manager.unlock(MEMORY, manager.new_keys(MEMORY)).subject == MEMORY
    assert list(settings.kept) == (["passphrase"] if isinstance(keys, KeyRing) else [])


async def test_rewrapping_goes_from_one_key_to_the_other() -> None:
    old, new = generate_key(), generate_key()
    first = KeyManager(KeyRing({"old": old}), Settings())
    wrapped = first.new_keys(MEMORY)
    payload = first.unlock(MEMORY, wrapped).encrypt(b"likes tea", b"")
    both = KeyManager(KeyRing({"old": old, "new": new}), Settings())

    rewrapped = await both.rewrap(MEMORY, wrapped, new_key_if_before=None)
    assert rewrapped is not None
    assert await both.rewrap(MEMORY, rewrapped, new_key_if_before=None) is None
    last = KeyManager(KeyRing({"new": new}), Settings())
    assert last.unlock(MEMORY, rewrapped).decrypt(payload, b"") == b"likes tea"
    with pytest.raises(DecryptionError, match=r"'old'.*not one of the given keys"):
        last.unlock(MEMORY, wrapped)
    newer = await last.rewrap(MEMORY, rewrapped, new_key_if_before=2**40)
    assert newer is not None
    with pytest.raises(ValueError, match="none of these keys"):
        last.unlock(MEMORY, last.newest_only(MEMORY, newer)).decrypt(payload, b"")

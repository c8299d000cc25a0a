"""A component encrypts its rows with the key manager alone, in the transactions in which it reads and writes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest

from sessions import DecryptionError, KeyRing, generate_key
from sessions.crypto.key_manager import KeyManager
from sessions.crypto.subject import KeyWanted, Subject
from sessions.db.stored_settings import StoredSettings
from sessions.testing.encrypted.key_provider import KeptKeys

from .key_values import Get, Put

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.crypto.keys import KeyProvider
    from sessions.db import Backend
    from sessions.db.transaction import Transaction

    from .conftest import Place

T = TypeVar("T")


class EncryptedValues:
    """Values that only holders of the keys read. Their data keys are kept in the same table, wrapped."""

    def __init__(self, backend: Backend, keys: KeyRing | KeyProvider) -> None:
        self._backend = backend
        self._keys = KeyManager(keys, StoredSettings(backend, "the values"))

    async def put(self, name: str, value: bytes) -> None:
        subject = Subject("value", name)

        def put(tx: Transaction) -> None:
            wrapped = Get(f"keys of {name}")(tx)
            if wrapped is None:
                wrapped = self._keys.new_keys(subject)
                Put(f"keys of {name}", wrapped)(tx)
            Put(name, self._keys.unlock(subject, wrapped).encrypt(value, b"value"))(tx)

        await self._fetching(lambda: self._backend.write(put, str(subject)))

    async def get(self, name: str) -> bytes:
        subject = Subject("value", name)

        def get(tx: Transaction) -> bytes:
            keys = self._keys.unlock(subject, Get(f"keys of {name}")(tx) or b"")
            payload = Get(name)(tx) or b""
            try:
                return keys.decrypt(payload, b"value")
            except ValueError:
                raise keys.refusal("the value", payload) from None

        return await self._fetching(lambda: self._backend.read(get, str(subject)))

    @staticmethod
    async def _fetching(work: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await work()
            except KeyWanted as wanted:
                await wanted.fetch()


async def _stored(backend: Backend, name: str) -> bytes | None:
    return await backend.read(Get(name), "the test")


@pytest.mark.filterwarnings("ignore::sessions.WeakKeyWarning")
@pytest.mark.usefixtures("quick_passphrases")
@pytest.mark.parametrize("kind", ["ring", "passphrase", "provider"])
async def test_values_are_encrypted(place: Place, kind: str) -> None:
    key = "a passphrase" if kind == "passphrase" else generate_key()
    keys: KeyRing | KeyProvider = KeptKeys() if kind == "provider" else KeyRing({"k": key})
    backend = place.backend()
    values = EncryptedValues(backend, keys)
    names = [f"{number}" for number in range(8)]
    await asyncio.gather(*(values.put(name, b"tea " + name.encode()) for name in names))
    await backend.aclose()

    again = place.backend()
    elsewhere = EncryptedValues(again, keys.restarted() if isinstance(keys, KeptKeys) else KeyRing({"k": key}))
    assert [await elsewhere.get(name) for name in names] == [b"tea " + name.encode() for name in names]
    stored = [await _stored(again, name) or b"" for name in names]
    assert not any(b"tea" in value for value in stored)
    with pytest.raises(DecryptionError, match="value '0'"):
        await EncryptedValues(again, KeyRing({"k": generate_key()})).get("0")
    await again.write(Put("0", stored[1]), "the test")
    with pytest.raises(DecryptionError, match=r"value '0', encrypted with key .*the value"):
        await elsewhere.get("0")
    await again.aclose()

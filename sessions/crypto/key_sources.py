"""Where data keys are wrapped and unwrapped: here, with a key ring's keys, or by a key provider."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from sessions.crypto.passphrase import Stretcher, new_parameters
from sessions.errors import DecryptionError
from sessions.waits.blocking import in_thread
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.crypto.key_encryption import KeyEncryptionKeys
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.crypto.subject import Subject
    from sessions.crypto.wrapped_keys import WrappedKey

PARAMETERS: Final = "passphrase"
"""The name of the setting with the parameters for stretching passphrases."""


class Settings(Protocol):
    """Settings that a store keeps by name, once for all its subjects."""

    async def get_or_put(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a setting's value; the first to ask for it makes it."""
        ...


class KeySource(Protocol):
    """Wraps and unwraps the secrets of data keys."""

    @property
    def is_here(self) -> bool:
        """Whether its coroutines return without waiting for anything."""
        ...

    @property
    def remembered_for(self) -> float:
        """Seconds for which a process may remember an unwrapped key."""
        ...

    async def prepare(self) -> None:
        """Do the slow work that is needed once."""
        ...

    async def wrap(self, subject: Subject, secret: bytes) -> tuple[str, bytes]:
        """Return the current key's id, and the secret wrapped with it."""
        ...

    async def unwrap(self, subject: Subject, key: WrappedKey) -> bytes:
        """Return the secret of a wrapped key.

        Raises:
            DecryptionError: The key that wrapped it is missing, or is another one.
        """
        ...

    def is_current(self, subject: Subject, key: WrappedKey) -> bool:
        """Tell whether a key is wrapped with the current one."""
        ...


class LocalKeys:
    """The keys of a ring. Passphrases among them are stretched first, with a salt from the store's settings."""

    remembered_for = math.inf

    def __init__(self, ring: KeyRing, settings: Settings) -> None:
        self._ring = ring
        self._settings = settings
        self._ready: KeyEncryptionKeys | None = None if ring.needs_stretching else ring.ready()

    @property
    def is_here(self) -> bool:
        """Whether there is nothing left to stretch."""
        return self._ready is not None

    async def prepare(self) -> None:
        """Stretch passphrases."""
        if self._ready is None:
            parameters = await self._settings.get_or_put(PARAMETERS, new_parameters)
            self._ready = await in_thread(self._ring.ready, Stretcher(parameters))

    @property
    def _keys(self) -> KeyEncryptionKeys:
        return cast("KeyEncryptionKeys", self._ready)

    async def wrap(self, subject: Subject, secret: bytes) -> tuple[str, bytes]:
        """Return the current key's id, and the secret wrapped with it."""
        return self._keys.current, self._keys.wrap(subject, secret)

    async def unwrap(self, subject: Subject, key: WrappedKey) -> bytes:
        """Return the secret of a wrapped key.

        Raises:
            DecryptionError: The ring does not have the key that wrapped it.
        """
        return self._keys.unwrap(subject, key)

    def is_current(self, subject: Subject, key: WrappedKey) -> bool:
        """Tell whether a key is wrapped with the current one."""
        return self._keys.is_current(subject, key)


class ProvidedKeys:
    """The keys of a provider, such as a key management service, which is asked over the network."""

    is_here = False
    remembered_for = 300.0
    """A key that is destroyed at the provider is forgotten here within this time."""

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider

    async def prepare(self) -> None:
        """Do nothing."""

    async def wrap(self, subject: Subject, secret: bytes) -> tuple[str, bytes]:
        """Return the current key's id, and the secret wrapped with it."""
        current = self._provider.current
        wrap = partial(self._provider.wrap, secret, key_id=current, subject=subject)
        return current, await foreign(wrap, str(subject))

    async def unwrap(self, subject: Subject, key: WrappedKey) -> bytes:
        """Return the secret of a wrapped key.

        Raises:
            DecryptionError: The provider does not have it.
        """
        try:
            unwrap = partial(self._provider.unwrap, key.wrapped, key_id=key.by, subject=subject)
            return await foreign(unwrap, str(subject))
        except LookupError as error:
            raise DecryptionError(
                f"{subject} is encrypted with key {key.by!r}, but the key provider no longer has the secret that "
                "it wrapped. Nothing was changed. If the secret was destroyed, the session cannot be read."
            ) from error

    def is_current(self, subject: Subject, key: WrappedKey) -> bool:
        """Tell whether a key is wrapped with the current one."""
        del subject
        return key.by == self._provider.current

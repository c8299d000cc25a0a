"""The key manager: it makes, opens and rewraps the data keys of subjects, and remembers those that it opened."""

from __future__ import annotations

import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sessions.clock import now
from sessions.crypto.data_keys import data_key, new_data_key
from sessions.crypto.key_sources import LocalKeys, ProvidedKeys
from sessions.crypto.keys import KeyRing
from sessions.crypto.subject import KeyWanted
from sessions.crypto.subject_keys import SubjectKeys
from sessions.crypto.wrapped_keys import WrappedKey, check_wrapped_keys, read_wrapped_keys, write_wrapped_keys

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sessions.crypto.data_keys import DataKey
    from sessions.crypto.key_sources import KeySource, Settings
    from sessions.crypto.keys import KeyProvider
    from sessions.crypto.subject import Subject

T = TypeVar("T")

_REMEMBERED: Final = 4096
"""Of how many subjects a process remembers the keys."""


class KeyManager:
    """Has the data keys of subjects, of any kind.

    It stores nothing: a subject's wrapped keys are a text, which the caller keeps beside the subject. `unlock`,
    `new_keys` and `newest_only` are for the middle of a transaction: they never wait, and raise `KeyWanted` if they
    would have to. All others are for outside.

    Args:
        keys: Wrap the data keys.
        settings: Where the salt for passphrases is kept.
    """

    def __init__(self, keys: KeyRing | KeyProvider, settings: Settings) -> None:
        self._source: KeySource = LocalKeys(keys, settings) if isinstance(keys, KeyRing) else ProvidedKeys(keys)
        self._memory = _memory_of(keys)
        self._made: dict[Subject, bytes] = {}

    def unlock(self, subject: Subject, wrapped: bytes) -> SubjectKeys:
        """Return a subject's keys.

        Raises:
            DecryptionError: None of the keys here wrapped them, or they were altered.
            KeyWanted: They have to be fetched first.
        """
        known = self._memory.get(subject, wrapped)
        if known is not None:
            self._made.pop(subject, None)
            return known
        self._fetch_first(subject, wrapped)
        return _at_once(self._open(subject, wrapped))

    def new_keys(self, subject: Subject) -> bytes:
        """Return wrapped keys for a subject that has none.

        Raises:
            KeyWanted: They have to be fetched first.
        """
        made = self._made.get(subject)
        if made is not None:
            return made
        self._fetch_first(subject, None)
        return _at_once(self._make(subject))

    def newest_only(self, subject: Subject, wrapped: bytes) -> bytes:
        """Return a subject's wrapped keys, reduced to the newest one.

        Raises:
            DecryptionError: None of the keys here wrapped them, or they were altered.
            KeyWanted: They have to be fetched first.
        """
        newest = self.unlock(subject, wrapped).newest
        return write_wrapped_keys(read_wrapped_keys(subject, wrapped)[-1:], newest.digest_key)

    async def rewrap(self, subject: Subject, wrapped: bytes | None, *, new_key_if_before: int | None) -> bytes | None:
        """Return wrapped keys with the same data keys, all wrapped with the current key; ``None`` if they are already.

        Args:
            subject: The subject.
            wrapped: Its wrapped keys; ``None`` if it has none, and is to have some.
            new_key_if_before: Add a data key if the newest was made before this time, in seconds since 1970, UTC.

        Raises:
            DecryptionError: A key is missing, or is another one.
        """
        await self._source.prepare()
        if wrapped is None:
            return await self._make(subject)
        found = read_wrapped_keys(subject, wrapped)
        is_old = new_key_if_before is not None and found[-1].at < new_key_if_before
        is_done = not is_old and all(self._source.is_current(subject, key) for key in found)
        if is_done and not self._source.is_here:
            return None
        # Callers discard the other keys after this result, so it must be true.
        keys = await self._unwrapped(subject, wrapped, found)
        if is_done:
            return None
        rewrapped = [await self._wrap(subject, key, old.at) for key, old in zip(keys, found, strict=True)]
        if is_old:
            rewrapped.append(await self._wrap(subject, new_data_key(keys[-1].digest_key), _seconds()))
        return write_wrapped_keys(rewrapped, keys[-1].digest_key)

    def _fetch_first(self, subject: Subject, wrapped: bytes | None) -> None:
        if not self._source.is_here:
            raise KeyWanted(partial(self._fetch, subject, wrapped))

    async def _fetch(self, subject: Subject, wrapped: bytes | None) -> None:
        await self._source.prepare()
        if self._source.is_here:
            return
        if wrapped is None:
            self._made[subject] = await self._make(subject)
        else:
            await self._open(subject, wrapped)

    async def _make(self, subject: Subject) -> bytes:
        key = new_data_key()
        wrapped = await self._wrap(subject, key, _seconds())
        text = write_wrapped_keys([wrapped], key.digest_key)
        self._remember(text, SubjectKeys(subject, [key], wrapped.by))
        return text

    async def _open(self, subject: Subject, wrapped: bytes) -> SubjectKeys:
        found = read_wrapped_keys(subject, wrapped)
        return self._remember(
            wrapped, SubjectKeys(subject, await self._unwrapped(subject, wrapped, found), found[-1].by)
        )

    async def _unwrapped(self, subject: Subject, text: bytes, found: list[WrappedKey]) -> list[DataKey]:
        keys = [data_key(subject, key.id, await self._source.unwrap(subject, key)) for key in found]
        check_wrapped_keys(subject, text, found, keys[-1].digest_key)
        return keys

    async def _wrap(self, subject: Subject, key: DataKey, at: int) -> WrappedKey:
        return WrappedKey(key.id, at, *await self._source.wrap(subject, key.secret))

    def _remember(self, wrapped: bytes, keys: SubjectKeys) -> SubjectKeys:
        self._memory.put(wrapped, keys, self._source.remembered_for)
        return keys


class _Memory:
    """A process's cache of subjects whose keys one key ring or provider unwraps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[Subject, bytes], tuple[SubjectKeys, float]] = {}

    def get(self, subject: Subject, wrapped: bytes) -> SubjectKeys | None:
        keys, until = self._known.get((subject, wrapped), (None, 0.0))
        return keys if time.monotonic() < until else None

    def put(self, wrapped: bytes, keys: SubjectKeys, seconds: float) -> None:
        with self._lock:
            self._known[keys.subject, wrapped] = keys, time.monotonic() + seconds
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]


_lock = threading.Lock()
_memories: weakref.WeakKeyDictionary[KeyRing | KeyProvider, _Memory] = weakref.WeakKeyDictionary()


def _memory_of(keys: KeyRing | KeyProvider) -> _Memory:
    with _lock:
        return _memories.setdefault(keys, _Memory())


def _at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that waits for nothing, as those of a source that is here: without a loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    coroutine.close()
    raise AssertionError("the coroutine waits for something")


def _seconds() -> int:
    return now() // 1_000_000

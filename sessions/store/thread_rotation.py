"""Rotating the keys of threads; the order of the steps is `db/rotation.py`'s."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.checkpoints.encryption import subject_of
from sessions.checkpoints.rotating import find_wrapped_keys, list_encrypted, reencrypt, replace_wrapped_keys
from sessions.store.thread_maintenance import SUBJECT
from sessions.types.receipts import Rotation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.checkpoints.encryption import KeyedCovers
    from sessions.crypto.key_manager import KeyManager
    from sessions.crypto.subject import Subject
    from sessions.db.rotation import Found, Pass
    from sessions.store.thread_maintenance import ThreadMaintenance

_PAGE: Final = 100


class RotatedThread:
    """A thread whose keys are rotated.

    Args:
        threads: All threads of the store.
        covers: Has their keys.
        thread_id: The thread.

    Attributes:
        keys: The keys.
    """

    counted = Rotation(threads=1)

    def __init__(self, threads: ThreadMaintenance, covers: KeyedCovers, thread_id: str) -> None:
        self._threads = threads
        self._covers = covers
        self._thread_id = thread_id
        self.keys: KeyManager = covers.keys

    @property
    def name(self) -> str:
        """Its kind and its id."""
        return str(self.subject)

    @property
    def subject(self) -> Subject:
        """The owner of the data keys."""
        return subject_of(self._thread_id)

    async def find(self) -> Found | None:
        """Return its wrapped keys."""
        return await self._threads.read_rows(partial(find_wrapped_keys, thread_id=self._thread_id), self.name)

    async def replace(self, old: bytes | None, new: bytes) -> bool:
        """Replace its wrapped keys, unless they have changed since."""
        work = partial(replace_wrapped_keys, thread_id=self._thread_id, old=old, new=new)
        return await self._threads.change_rows(work, self.name)

    async def reencrypt(self, before: Pass) -> Pass:
        """Encrypt some of its contents again."""
        work = partial(reencrypt, thread_id=self._thread_id, covers=self._covers, before=before)
        return await self._threads.change_rows(work, self.name)


async def rotated_threads(
    threads: ThreadMaintenance, covers: KeyedCovers, *, everything: bool
) -> AsyncIterator[RotatedThread]:
    """Yield the threads of a store that are encrypted, or all, the oldest first.

    Args:
        threads: All threads of the store.
        covers: Has their keys.
        everything: Also those in the clear.
    """
    after = 0
    while page := await threads.read_rows(
        partial(list_encrypted, after=after, count=_PAGE, everything=everything), SUBJECT
    ):
        for _, thread_id in page:
            yield RotatedThread(threads, covers, thread_id)
        after = page[-1][0]

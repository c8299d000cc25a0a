"""Threads encrypted with the store's keys: AES-256-GCM by a data key of each thread, each payload bound to its row.

`crypto/subject_keys.py` has the format; `covers.py` has the associated data of payloads. So nothing can be moved to
another row or thread, and no checkpoint can be given another parent, run or other pieces. Thread ids, namespaces, task
paths, the ids of checkpoints, runs and tasks, sizes and times stay in the clear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.checkpoints.covers import PLAIN, Cover, PlainCover, associated_data
from sessions.crypto.subject import Subject
from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from sessions.checkpoints.covers import Bound
    from sessions.crypto.key_manager import KeyManager
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.crypto.subject_keys import SubjectKeys

THREAD: Final = "thread"
"""The kind of subject whose keys a thread has."""


def subject_of(thread_id: str) -> Subject:
    """Return the owner of a thread's data keys."""
    return Subject(THREAD, thread_id)


class KeyedCovers:
    """Covers of threads by the keys of a store.

    Args:
        keys: Has the threads' keys.
        source: The key ring or the provider that wraps them.
        allow_plain_text: Threads that were stored without keys may be used; they stay in the clear until the keys are
            rotated with `reencrypt`.

    Attributes:
        keys: As above, as the others.
    """

    def __init__(self, keys: KeyManager, source: KeyRing | KeyProvider, *, allow_plain_text: bool) -> None:
        self.keys = keys
        self.source = source
        self.allow_plain_text = allow_plain_text

    def unlock(self, thread_id: str, wrapped_keys: bytes | None) -> Cover:
        """Return the cover of a thread.

        Raises:
            DecryptionError: It is in the clear, and may not be; or none of the keys here wrapped its keys.
            KeyWanted: They have to be fetched first.
        """
        if wrapped_keys is not None:
            return self.keyed(thread_id, wrapped_keys)
        if self.allow_plain_text:
            return PlainCover(thread_id)
        raise DecryptionError(
            f"thread {thread_id!r} is not encrypted, but the store is opened with a key. Nothing was read or changed. "
            "To use it as it is, open the store with allow_plain_text=True; store.rotate(reencrypt=True) then encrypts "
            "it."
        )

    def keyed(self, thread_id: str, wrapped_keys: bytes) -> KeyedCover:
        """Return the cover of a thread that has keys.

        Raises:
            DecryptionError: None of the keys here wrapped them.
            KeyWanted: They have to be fetched first.
        """
        keys = self.keys.unlock(subject_of(thread_id), wrapped_keys)
        return KeyedCover(keys, allow_plain_text=self.allow_plain_text)

    def new_wrapped_keys(self, thread_id: str) -> bytes:
        """Return wrapped keys for a new thread.

        Raises:
            KeyWanted: They have to be fetched first.
        """
        return self.keys.new_keys(subject_of(thread_id))


class KeyedCover(Cover):
    """Contents under a thread's data keys.

    Args:
        keys: The keys.
        allow_plain_text: Contents in the clear are read, too, as a thread has that is just being encrypted.
    """

    def __init__(self, keys: SubjectKeys, *, allow_plain_text: bool = False) -> None:
        self._keys = keys
        self._allow_plain_text = allow_plain_text

    @property
    def header(self) -> bytes:
        """The beginning of contents under the newest data key."""
        return self._keys.header

    def seal(self, plain: bytes, bound: Bound) -> bytes:
        """Return the bytes to be stored."""
        return self._keys.encrypt(plain, associated_data(bound))

    def open(self, stored: bytes, bound: Bound) -> bytes:
        """Return the contents.

        Raises:
            DecryptionError: They were altered or moved, or are in the clear.
        """
        try:
            return self._keys.decrypt(stored, associated_data(bound))
        except ValueError:
            if stored[:1] == PLAIN:
                if self._allow_plain_text:
                    return stored[1:]
                raise DecryptionError(
                    f"{self._keys.subject}: a {bound[0]} of it is not encrypted, but the thread is. Nothing was read "
                    "or changed. If its encryption was interrupted, open the store with allow_plain_text=True and call "
                    "store.rotate(reencrypt=True). Else another program put it there: restore a backup, or delete the "
                    "thread."
                ) from None
            raise self._keys.refusal(f"a {bound[0]} of it", stored) from None

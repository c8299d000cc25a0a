"""Covers: how the contents of threads are stored, in the clear or encrypted, bound to their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import msgspec

from sessions.errors import DecryptionError, MissingKeyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.crypto.keys import KeyProvider, KeyRing

Bound: TypeAlias = "Sequence[str | int | None]"
"""The columns that a payload belongs to: it cannot be read in another row, or if one was changed."""

PLAIN: Final = b"\0"
"""What a payload in the clear begins with. Encrypted ones begin with 5: see `crypto/subject_keys.py`."""

OWN: Final = b"\6"
"""What a payload begins with that a serializer's own cipher has encrypted."""


def piece_bound(piece: int) -> Bound:
    """Return the columns that a piece is bound to."""
    return ("piece", piece)


def checkpoint_bound(row_id: int, checkpoint_id: str, parent_id: str | None, run_id: str | None, heads: str) -> Bound:
    """Return the columns that a checkpoint's body is bound to."""
    return ("checkpoint", row_id, checkpoint_id, parent_id, run_id, heads)


def write_bound(line: int, checkpoint_id: str, task_id: str, slot: int, task_path: str) -> Bound:
    """Return the columns that writes are bound to."""
    return ("write", line, checkpoint_id, task_id, slot, task_path)


def associated_data(bound: Bound) -> bytes:
    """Return bound columns as authenticated encryption takes them: a JSON array."""
    return msgspec.json.encode(bound)


class Cover(Protocol):
    """Makes the stored bytes of a thread's contents, and opens them."""

    def seal(self, plain: bytes, bound: Bound) -> bytes:
        """Return the bytes to be stored; the first says how they were made."""
        ...

    def open(self, stored: bytes, bound: Bound) -> bytes:
        """Return the contents.

        Raises:
            DecryptionError: They were altered or moved, or cannot be read with the given keys.
        """
        ...

    def open_all(self, stored: Sequence[bytes], bounds: Iterable[Bound]) -> Sequence[bytes]:
        """Return the contents of several, each with its associated data, in their order.

        Raises:
            DecryptionError: One was altered or moved, or cannot be read with the given keys.
        """
        return list(map(self.open, stored, bounds))


class Covers(Protocol):
    """Has the covers of threads. It is called in transactions, so it waits for nothing."""

    @property
    def source(self) -> KeyRing | KeyProvider | None:
        """The key ring or the provider that wraps threads' keys, if there is one."""
        ...

    def unlock(self, thread_id: str, wrapped_keys: bytes | None) -> Cover:
        """Return the cover of a thread that has these keys, if any.

        Raises:
            DecryptionError: None of the keys here wrapped them, or they were altered.
            KeyWanted: They have to be fetched first.
        """
        ...

    def new_wrapped_keys(self, thread_id: str) -> bytes | None:
        """Return wrapped keys for a new thread; ``None`` if it gets none.

        Raises:
            KeyWanted: They have to be fetched first.
        """
        ...


class PlainCover(Cover):
    """Contents in the clear."""

    def __init__(self, thread_id: str) -> None:
        self._thread_id = thread_id

    def seal(self, plain: bytes, bound: Bound) -> bytes:
        """Return the bytes to be stored."""
        del bound
        return PLAIN + plain

    def open(self, stored: bytes, bound: Bound) -> bytes:
        """Return the contents."""
        if stored[:1] == PLAIN:
            return stored[1:]
        raise DecryptionError(
            f"thread {self._thread_id!r}: its {bound[0]} is encrypted or damaged. Nothing was changed. Open it as it "
            "was written: with the same serializer, or the store's encryption_key."
        )

    def open_all(self, stored: Sequence[bytes], bounds: Iterable[Bound]) -> Sequence[bytes]:
        """Return the contents of several."""
        plain = [one[1:] for one in stored if one[:1] == PLAIN]
        # If one is not in the clear, the error names its kind.
        return plain if len(plain) == len(stored) else super().open_all(stored, bounds)


class PlainCovers:
    """Covers of threads in the clear."""

    source = None

    def unlock(self, thread_id: str, wrapped_keys: bytes | None) -> Cover:
        """Return the cover of a thread.

        Raises:
            MissingKeyError: It is encrypted.
        """
        if wrapped_keys is not None:
            raise MissingKeyError(
                f"thread {thread_id!r} is encrypted. Nothing was read or changed. Open the store with its "
                "encryption_key."
            )
        return PlainCover(thread_id)

    def new_wrapped_keys(self, thread_id: str) -> None:
        """Return nothing: threads get no keys."""
        del thread_id

"""Rotating the keys of memories, namespace by namespace; the order of the steps is `db/rotation.py`'s."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.memory.paths import labels_of
from sessions.memory.rotating import find_wrapped_keys, list_encrypted, reencrypt, replace_wrapped_keys
from sessions.memory.sealing import subject_of
from sessions.types.receipts import Rotation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.crypto.key_manager import KeyManager
    from sessions.crypto.subject import Subject
    from sessions.db.rotation import Found, Pass
    from sessions.memories.hold import Hold
    from sessions.memory.rotating import Space
    from sessions.memory.sealing import Sealing

_PAGE: Final = 100


class RotatedSpace:
    """A namespace whose keys are rotated.

    Args:
        hold: A hold on all memories of the store.
        sealing: Has their keys.
        space: The namespace.

    Attributes:
        keys: The keys.
    """

    counted = Rotation(namespaces=1)

    def __init__(self, hold: Hold, sealing: Sealing, space: Space) -> None:
        self._hold = hold
        self._sealing = sealing
        self._space = space
        self.keys: KeyManager = sealing.keys

    @property
    def name(self) -> str:
        """Its labels."""
        return f"memories of {labels_of(self._space.path)!r}"

    @property
    def subject(self) -> Subject:
        """The owner of the data keys."""
        return subject_of(self._space.path)

    async def find(self) -> Found | None:
        """Return its wrapped keys."""
        return await self._hold.read(partial(find_wrapped_keys, space=self._space))

    async def replace(self, old: bytes | None, new: bytes) -> bool:
        """Replace its wrapped keys, unless they have changed since."""
        return await self._hold.write(partial(replace_wrapped_keys, space=self._space, old=old, new=new))

    async def reencrypt(self, before: Pass) -> Pass:
        """Encrypt some of its memories again."""
        return await self._hold.write(partial(reencrypt, space=self._space, sealing=self._sealing, before=before))


async def rotated_spaces(hold: Hold, sealing: Sealing, *, everything: bool) -> AsyncIterator[RotatedSpace]:
    """Yield the namespaces of a store that are encrypted, or all, the oldest first.

    Args:
        hold: A hold on all memories of the store.
        sealing: Has their keys.
        everything: Also those in the clear.
    """
    after = 0
    while page := await hold.read(partial(list_encrypted, after=after, count=_PAGE, everything=everything)):
        for space in page:
            yield RotatedSpace(hold, sealing, space)
        after = page[-1].id

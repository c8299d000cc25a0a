"""Rotating the keys of sessions; the order of the steps is that of all components: `db/rotation.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.clock import now
from sessions.db.rotation import Found
from sessions.log.encryption.session_encryption import subject_of
from sessions.log.lifetime.reencrypt import find_wrapped_keys, list_encrypted, reencrypt, replace_wrapped_keys
from sessions.types.receipts import Rotation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessions.crypto.key_manager import KeyManager
    from sessions.crypto.subject import Subject
    from sessions.db import Backend
    from sessions.db.rotation import Pass
    from sessions.session.handle import Handle

_PAGE: Final = 100


class RotatedSession:
    """A session whose keys are rotated.

    Args:
        handle: The session.
        keys: Has its keys.

    Attributes:
        keys: As above.
    """

    counted = Rotation(sessions=1)

    def __init__(self, handle: Handle, keys: KeyManager) -> None:
        self._handle = handle
        self.keys = keys

    @property
    def name(self) -> str:
        """Its id."""
        return self._handle.conversation.session_id

    @property
    def subject(self) -> Subject:
        """The owner of the data keys."""
        return subject_of(self.name)

    async def find(self) -> Found | None:
        """Return its wrapped keys; a session that waits for it is taken over first."""
        is_there, wrapped_keys = await self._handle.write(
            lambda tx: find_wrapped_keys(tx, self._handle.conversation, now())
        )
        return Found(wrapped_keys) if is_there else None

    async def replace(self, old: bytes | None, new: bytes) -> bool:
        """Replace its wrapped keys, unless they have changed since."""
        return await self._handle.write(lambda tx: replace_wrapped_keys(tx, self._handle.conversation, now(), old, new))

    async def reencrypt(self, before: Pass) -> Pass:
        """Encrypt some of its entries again."""
        return await _reencrypt(self._handle, before)


async def _reencrypt(handle: Handle, before: Pass) -> Pass:
    return await handle.write(lambda tx: reencrypt(tx, handle.conversation, now(), before))


async def rotated_sessions(
    backend: Backend, of: Callable[[str], RotatedSession], *, everything: bool
) -> AsyncIterator[RotatedSession]:
    """Yield the sessions of a database that are encrypted, or all, the oldest first.

    Args:
        backend: The database.
        of: Returns the session of an id.
        everything: Also those in the clear.
    """
    after = 0
    while page := await _page(backend, after, everything=everything):
        for _, session_id in page:
            yield of(session_id)
        after = page[-1][0]


async def _page(backend: Backend, after: int, *, everything: bool) -> list[tuple[int, str]]:
    return await backend.read(lambda tx: list_encrypted(tx, after, _PAGE, everything=everything), "the store")

"""Rotating keys: wrapping sessions' keys with another one, and sealing anew what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.log.reseal import find_seal, replace_seal, reseal
from sessions.model import Rotation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.handle import Handle
    from sessions.log.reseal import Batch
    from sessions.vault import Vault


async def rotate(handle: Handle, vault: Vault, reencrypt_before: int | None) -> AsyncIterator[Rotation]:
    """Wrap a session's keys with the current key, and seal anew what is sealed with an older data key.

    Args:
        handle: The session.
        vault: Has the keys.
        reencrypt_before: Add a data key if the newest is older than this, in seconds since 1970, UTC, and seal
            everything with it; ``None`` to seal nothing anew.

    Yields:
        What each transaction did.
    """
    yield Rotation(sessions=1)
    await vault.prepare(handle.backend, handle.subject)
    while True:
        is_there, seal = await handle.write(lambda tx: find_seal(tx, handle.conversation, now()))
        if not is_there or (seal is None and reencrypt_before is None):
            return
        new = await vault.rewrap(handle.conversation.session_id, seal, new_key_if_before=reencrypt_before)
        if new is None:
            break
        if await _replace(handle, seal, new):
            yield Rotation(rewrapped=1)
            break
        # Another process has rotated it meanwhile.
    after: int | None = None if reencrypt_before is None else 0
    while after is not None:
        batch = await _reseal(handle, after)
        after = batch.after
        yield Rotation(reencrypted=batch.entries)


async def _replace(handle: Handle, old: bytes | None, new: bytes) -> bool:
    return await handle.write(lambda tx: replace_seal(tx, handle.conversation, now(), old, new))


async def _reseal(handle: Handle, after: int) -> Batch:
    return await handle.write(lambda tx: reseal(tx, handle.conversation, now(), after))

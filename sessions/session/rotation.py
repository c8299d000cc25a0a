"""Rotating keys: wrapping sessions' keys with another one, and encrypting their entries again."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.clock import now
from sessions.crypto.keys import KeyRing
from sessions.errors import DecryptionError, RotationIncompleteError
from sessions.log.encryption.session_encryption import subject_of
from sessions.log.lifetime.reencrypt import (
    Batch,
    count_plain,
    find_wrapped_keys,
    list_encrypted,
    reencrypt,
    replace_wrapped_keys,
)
from sessions.types.receipts import Rotation
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sessions.crypto.key_manager import KeyManager
    from sessions.db import Backend
    from sessions.session.handle import Handle

_PAGE: Final = 100
_NAMED: Final = 5
"""Sessions that an error names; it has all of them as an attribute."""

_log = logging.getLogger("sessions")


async def rotate(handle: Handle, keys: KeyManager, reencrypt_before: int | None) -> AsyncIterator[Rotation]:
    """Wrap a session's keys with the current key, and re-encrypt entries of older data keys.

    Args:
        handle: The session.
        keys: Has its keys.
        reencrypt_before: Add a data key if the newest is older than this, in seconds since 1970, UTC, and encrypt
            everything again with it; ``None`` to leave that.

    Yields:
        The result of each transaction.
    """
    yield Rotation(sessions=1)
    subject = subject_of(handle.conversation.session_id)
    while True:
        is_there, wrapped_keys = await handle.write(lambda tx: find_wrapped_keys(tx, handle.conversation, now()))
        if not is_there or (wrapped_keys is None and reencrypt_before is None):
            return
        new = await keys.rewrap(subject, wrapped_keys, new_key_if_before=reencrypt_before)
        if new is None:
            break
        if await _replace(handle, wrapped_keys, new):
            yield Rotation(rewrapped=1)
            break
        # Another process has rotated it in between.
    batch = Batch(0, None if reencrypt_before is None else 0)
    while batch.after is not None:
        batch = await _reencrypt(handle, batch)
        yield Rotation(reencrypted=batch.entries)


async def _replace(handle: Handle, old: bytes | None, new: bytes) -> bool:
    return await handle.write(lambda tx: replace_wrapped_keys(tx, handle.conversation, now(), old, new))


async def _reencrypt(handle: Handle, before: Batch) -> Batch:
    return await handle.write(lambda tx: reencrypt(tx, handle.conversation, now(), before))


async def rotate_all(
    backend: Backend,
    rotate_one: Callable[[str, Callable[[Rotation], object]], Awaitable[Rotation]],
    progress: Callable[[Rotation], object] | None,
    *,
    everything: bool,
    others: Callable[[Rotation], Awaitable[Rotation]] | None = None,
) -> Rotation:
    """Rotate all sessions of a database that are encrypted, or all.

    Args:
        backend: The database.
        rotate_one: Rotates a session, given its id and a function to call after each transaction.
        progress: Called after each transaction with the result so far.
        everything: Also those in the clear.
        others: Rotates what else the store has, given the result so far; returns the result with that.

    Raises:
        RotationIncompleteError: Some cannot be opened with the keys here; all others were rotated.
    """
    done, after = Rotation(), 0
    while page := await _page(backend, after, everything=everything):
        for number, session_id in page:
            before, after = done, number

            def report(part: Rotation, before: Rotation = before) -> None:
                if progress is not None:
                    progress(before + part)

            try:
                done = before + await rotate_one(session_id, report)
            except DecryptionError as error:
                _log.warning("%s", error)
                done = before + Rotation(sessions=1, failed=(session_id,))
    done += Rotation(plain=await backend.read(count_plain, "the store"))
    if others is not None:
        done = await others(done)
    if done.failed:
        raise RotationIncompleteError(_left(done), done)
    return done


def _left(done: Rotation) -> str:
    """Return the message about sessions that could not be rotated."""
    named = ", ".join(map(repr, done.failed[:_NAMED])) + (", …" if len(done.failed) > _NAMED else "")
    return (
        f"the given keys do not open {len(done.failed)} of {_examined(done)}: {named}. These "
        "were left unchanged; "
        f"{done.rewrapped} others were wrapped with the current key. Keep the old keys, add the "
        "missing ones to the key "
        "ring and rotate again. The log has a warning for each session."
    )


def _examined(done: Rotation) -> str:
    return f"{done.sessions} sessions" + f" and {done.namespaces} namespaces" * bool(done.namespaces)


async def _page(backend: Backend, after: int, *, everything: bool) -> list[tuple[int, str]]:
    return await backend.read(lambda tx: list_encrypted(tx, after, _PAGE, everything=everything), "the store")


def destroys_keys(keys: object) -> bool:
    """Tell whether keys are a provider's that can destroy the keys it wrapped for a session."""
    return not isinstance(keys, KeyRing) and getattr(keys, "destroy", None) is not None


async def destroy_keys(keys: object, session_id: str) -> None:
    """Have a key provider destroy all that it ever wrapped for a session, if it does such things."""
    destroy = None if isinstance(keys, KeyRing) else getattr(keys, "destroy", None)
    if destroy is not None:
        subject = subject_of(session_id)
        await foreign(partial(destroy, subject=subject), str(subject))

"""Rotating the keys of memories: wrapping those of each namespace with another one, and encrypting everything again."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.crypto.keys import KeyRing
from sessions.errors import DecryptionError
from sessions.memory.paths import labels_of
from sessions.memory.rotating import list_encrypted, reencrypt, replace_wrapped_keys
from sessions.memory.sealing import subject_of
from sessions.types.receipts import Rotation
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessions.memories.hold import Hold
    from sessions.memory.rotating import EncryptedSpace
    from sessions.memory.sealing import Sealing

_PAGE: Final = 100

_log = logging.getLogger("sessions")


async def rotate_memories(
    hold: Hold,
    sealing: Sealing,
    done: Rotation,
    reencrypt_before: int | None,
    progress: Callable[[Rotation], object] | None,
) -> Rotation:
    """Rotate the keys of all encrypted namespaces, as `Store.rotate` does.

    Args:
        hold: A hold on all memories of the store.
        sealing: Has their keys.
        done: The result so far.
        reencrypt_before: Add a data key to namespaces whose newest is older than this, in seconds since 1970, UTC, and
            encrypt everything again; ``None`` to leave that.
        progress: Called after each transaction with the result so far.
    """
    everything = reencrypt_before is not None and sealing.allow_plain_text
    after = 0

    def report(part: Rotation) -> None:
        nonlocal done
        done += part
        if progress is not None:
            progress(done)

    while page := await hold.read(partial(list_encrypted, after=after, count=_PAGE, everything=everything)):
        for space in page:
            after = space.id
            try:
                await _rotate(hold, sealing, space, reencrypt_before, report)
            except DecryptionError as error:
                _log.warning("%s", error)
                report(Rotation(namespaces=1, failed=(f"memories of {labels_of(space.path)!r}",)))
    return done


async def _rotate(
    hold: Hold,
    sealing: Sealing,
    space: EncryptedSpace,
    reencrypt_before: int | None,
    report: Callable[[Rotation], None],
) -> None:
    keys = sealing.keys
    new = await keys.rewrap(subject_of(space.path), space.wrapped_keys, new_key_if_before=reencrypt_before)
    if new is not None and not await hold.write(partial(replace_wrapped_keys, space=space, new=new)):
        return  # It was erased, or another process has rotated it in between.
    report(Rotation(namespaces=1, rewrapped=int(new is not None)))
    after: int | None = None
    while reencrypt_before is not None:
        batch = await hold.write(partial(reencrypt, space=space, sealing=sealing, after=after))
        report(Rotation(reencrypted=batch.memories))
        after = batch.after
        if after is None:
            break


async def destroy_keys(keys: object, paths: Iterable[str]) -> None:
    """Have a key provider destroy all that it ever wrapped for namespaces, if it does such things."""
    destroy = None if isinstance(keys, KeyRing) else getattr(keys, "destroy", None)
    if destroy is not None:
        for path in paths:
            await foreign(partial(destroy, subject=subject_of(path)), str(subject_of(path)))

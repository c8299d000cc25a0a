"""Rotating the keys of subjects of any kind: wrapping their data keys with another key, and encrypting payloads again.

A component says how its subjects are found and changed (`Rotated`); the order of the steps is the same for all. Data
keys that no payload needs any more go with the last batch. That is only after one pass over all payloads with the same
data key: if another rotation has added a newer one since the last batch, the pass starts over.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sessions.errors import DecryptionError, RotationIncompleteError
from sessions.types.receipts import Rotation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessions.crypto.key_manager import KeyManager
    from sessions.crypto.subject import Subject

_NAMED: Final = 5
"""Subjects that an error names; it has all of them as an attribute."""

_log = logging.getLogger("sessions")


class Found(NamedTuple):
    """A subject that is there.

    Attributes:
        wrapped_keys: Its data keys, wrapped; ``None`` if it is not encrypted.
    """

    wrapped_keys: bytes | None


class Pass(NamedTuple):
    """How far a pass over a subject's payloads has come.

    Attributes:
        payloads: How many payloads the last transaction encrypted again.
        after: The place of the last one, as the component counts places; ``None`` if none is left.
        header: The beginning of payloads that are encrypted with the data key of this pass.
    """

    payloads: int = 0
    after: tuple[int, ...] | None = ()
    header: bytes = b""

    def place(self, header: bytes) -> tuple[int, ...]:
        """Return the place to go on from; empty for the beginning, also if another data key is the newest by now."""
        return self.after if self.after is not None and self.header == header else ()


class Rotated(Protocol):
    """A subject whose keys are rotated. Each method is one transaction, beside other callers."""

    @property
    def subject(self) -> Subject:
        """The owner of the data keys."""
        ...

    @property
    def keys(self) -> KeyManager:
        """What has its data keys."""
        ...

    @property
    def counted(self) -> Rotation:
        """The result that counts it as examined."""
        ...

    @property
    def name(self) -> str:
        """Its name in `Rotation.failed`."""
        ...

    async def find(self) -> Found | None:
        """Return its wrapped keys; ``None`` if it is gone."""
        ...

    async def replace(self, old: bytes | None, new: bytes) -> bool:
        """Replace its wrapped keys, unless they have changed since; return whether that was done."""
        ...

    async def reencrypt(self, before: Pass) -> Pass:
        """Encrypt some payloads again that are not encrypted with its newest data key.

        Raises:
            DecryptionError: One was altered.
        """
        ...


async def rotate(one: Rotated, reencrypt_before: int | None) -> AsyncIterator[Rotation]:
    """Wrap a subject's keys with the current key, and encrypt its payloads again.

    Args:
        one: The subject.
        reencrypt_before: Add a data key if the newest is older than this, in seconds since 1970, UTC, and encrypt
            everything again with it; ``None`` to leave that.

    Yields:
        The result of each transaction.

    Raises:
        DecryptionError: A key is missing, or a payload was altered; finished transactions stay done.
    """
    yield one.counted
    while True:
        found = await one.find()
        if found is None or (found.wrapped_keys is None and reencrypt_before is None):
            return
        new = await one.keys.rewrap(one.subject, found.wrapped_keys, new_key_if_before=reencrypt_before)
        if new is None:
            break
        if await one.replace(found.wrapped_keys, new):
            yield Rotation(rewrapped=1)
            break
        # Another process has rotated it in between.
    batch = Pass(after=None if reencrypt_before is None else ())
    while batch.after is not None:
        batch = await one.reencrypt(batch)
        yield Rotation(reencrypted=batch.payloads)


class Rotating:
    """Rotates the keys of many subjects, one after the other, and adds up the result.

    Args:
        reencrypt_before: As for `rotate`.
        progress: Called after each transaction with the result so far.

    Attributes:
        done: The result so far.
    """

    def __init__(self, reencrypt_before: int | None, progress: Callable[[Rotation], object] | None) -> None:
        self._reencrypt_before = reencrypt_before
        self._progress = progress
        self.done = Rotation()

    async def all_of(self, subjects: AsyncIterator[Rotated]) -> None:
        """Rotate subjects. Those that the given keys do not open are logged, named in the result, and left."""
        async for one in subjects:
            try:
                async for step in rotate(one, self._reencrypt_before):
                    self.add(step)
            except DecryptionError as error:
                _log.warning("%s", error)
                self.add(Rotation(failed=(one.name,)))

    def add(self, part: Rotation) -> None:
        """Add to the result."""
        self.done += part
        if self._progress is not None:
            self._progress(self.done)

    def check(self) -> None:
        """Raise an error if some subjects could not be rotated.

        Raises:
            RotationIncompleteError: All others were.
        """
        done = self.done
        if done.failed:
            named = ", ".join(map(repr, done.failed[:_NAMED])) + (", …" if len(done.failed) > _NAMED else "")
            raise RotationIncompleteError(
                f"the given keys do not open {len(done.failed)} of {_examined(done)}: {named}. These were left "
                f"unchanged; {done.rewrapped} others were wrapped with the current key. Keep the old keys, add the "
                "missing ones to the key ring and rotate again. The log has a warning for each of them.",
                done,
            )


def _examined(done: Rotation) -> str:
    others = ((done.namespaces, "namespaces"), (done.threads, "threads"))
    counts = [f"{done.sessions} sessions", *(f"{count} {what}" for count, what in others if count)]
    return " and ".join((", ".join(counts[:-1]), counts[-1])) if len(counts) > 1 else counts[0]

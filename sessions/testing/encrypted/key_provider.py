"""A key provider for tests, with the faults that a key management service has."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.crypto.subject import Subject

NAME_BYTES: Final = 16


class KeptKeys:
    """Keeps the secrets itself and returns names to find them by, as a service does that can destroy them.

    Args:
        seconds: How long each call takes.

    Attributes:
        current: The id of the key that wraps from now on.
        kept: The secrets, by the id of the key, the subject and their names.
        asked: How often it was asked to unwrap.
        fault: Called at each call, with "wrap" or "unwrap"; it may raise.
    """

    def __init__(self, seconds: float = 0) -> None:
        self.current = "first"
        self.kept: dict[tuple[str, Subject, bytes], bytes] = {}
        self.asked = 0
        self.fault: Callable[[str], None] = lambda _: None
        self._seconds = seconds

    async def wrap(self, secret: bytes, *, key_id: str, subject: Subject) -> bytes:
        """Keep a secret and return its name."""
        await asyncio.sleep(self._seconds)
        self.fault("wrap")
        name = secrets.token_bytes(NAME_BYTES)
        self.kept[key_id, subject, name] = secret
        return name

    async def unwrap(self, wrapped: bytes, *, key_id: str, subject: Subject) -> bytes:
        """Return a secret by its name."""
        self.asked += 1
        await asyncio.sleep(self._seconds)
        self.fault("unwrap")
        return self.kept[key_id, subject, wrapped]

    def restarted(self) -> KeptKeys:
        """Return one with the same secrets, for which nothing is remembered: as in another process."""
        other = KeptKeys(self._seconds)
        other.current, other.kept = self.current, self.kept
        return other

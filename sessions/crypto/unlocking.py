"""Opening subjects' keys for verification: what the given keys do not open is remembered, and is no error."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from sessions.crypto.subject import KeyWanted
from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.crypto.key_manager import KeyManager
    from sessions.crypto.subject import Subject
    from sessions.crypto.subject_keys import SubjectKeys

T = TypeVar("T")

_REMEMBERED: Final = 1024
"""Subjects whose keys a process remembers to be locked: more than a page has."""


class Locked(NamedTuple):
    """Takes the place of a subject's keys if they cannot be opened.

    Attributes:
        reason: Why the given keys do not open them; empty without any key.
    """

    reason: str = ""


class Unlocking:
    """Opens the keys of subjects, as far as that is possible.

    Args:
        keys: Has the subjects' keys; ``None`` without any key.
    """

    def __init__(self, keys: KeyManager | None) -> None:
        self._keys = keys
        self._refused: dict[tuple[Subject, bytes], str] = {}

    def keys_of(self, subject: Subject, wrapped: bytes) -> SubjectKeys | Locked:
        """Return a subject's keys.

        Raises:
            KeyWanted: They have to be fetched first.
        """
        keys = self._keys
        return Locked() if keys is None else self.opened(subject, wrapped, lambda: keys.unlock(subject, wrapped))

    def opened(self, subject: Subject, wrapped: bytes, unlock: Callable[[], T]) -> T | Locked:
        """Return what `unlock` makes of a subject's wrapped keys.

        Raises:
            KeyWanted: They have to be fetched first.
        """
        known = subject, wrapped
        if known not in self._refused:
            try:
                return unlock()
            except DecryptionError as error:
                self._refuse(known, error)
            except KeyWanted as wanted:
                raise KeyWanted(partial(self._fetch, wanted, known)) from None
        return Locked(self._refused[known])

    async def _fetch(self, wanted: KeyWanted, known: tuple[Subject, bytes]) -> None:
        try:
            await wanted.fetch()
        except DecryptionError as error:
            self._refuse(known, error)

    def _refuse(self, known: tuple[Subject, bytes], error: DecryptionError) -> None:
        self._refused[known] = str(error)
        if len(self._refused) > _REMEMBERED:
            del self._refused[next(iter(self._refused))]

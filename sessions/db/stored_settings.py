"""The settings of a database, for callers outside of any transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.settings import find_setting, put_setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db import Backend


class StoredSettings:
    """The settings of a database.

    Args:
        backend: Where transactions run.
        subject: The subject of errors, such as "the store".
    """

    def __init__(self, backend: Backend, subject: str) -> None:
        self._backend = backend
        self._subject = subject

    async def get_or_put(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a setting's value; if it is missing, store the one that `make` returns."""
        found = await self._backend.read(lambda tx: find_setting(tx, name), self._subject)
        if found is None:
            made = make()
            found = await self._backend.write(lambda tx: put_setting(tx, name, made), self._subject)
        return found

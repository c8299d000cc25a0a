"""Having a key provider destroy the keys that it wrapped for a subject."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sessions.crypto.keys import KeyRing
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from sessions.crypto.subject import Subject


def destroys_keys(keys: object) -> bool:
    """Tell whether keys are a provider's that can destroy the keys it wrapped for a subject."""
    return keys is not None and not isinstance(keys, KeyRing) and getattr(keys, "destroy", None) is not None


async def destroy_keys(keys: object, subject: Subject) -> None:
    """Have a key provider destroy all that it ever wrapped for a subject, if it does such things."""
    if destroys_keys(keys):
        await foreign(partial(keys.destroy, subject=subject), str(subject))  # type: ignore[attr-defined]  # it has one

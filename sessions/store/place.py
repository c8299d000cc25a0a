"""A store as the operations see it that remove many sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.crypto.subject import Subject
    from sessions.db import Backend
    from sessions.log.adopt.sdk import SDKSessions
    from sessions.session.handle import Handle


class Place(NamedTuple):
    """Where sessions are removed.

    Attributes:
        backend: The database.
        elsewhere: The OpenAI Agents SDK's tables.
        open: Returns a hold on the session of an id.
        forget: Called with each erased subject.
        keys: The store's keys.
    """

    backend: Backend
    elsewhere: SDKSessions
    open: Callable[[str], Handle]
    forget: Callable[[Subject], None]
    keys: KeyRing | KeyProvider | None

"""The components of a store: all that its database keeps. Erasing an owner asks each of them for its part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.component import conversations

if TYPE_CHECKING:
    from sessions.db.component import Component
    from sessions.log.conversation import ForeignTables


def components_of(foreign: ForeignTables) -> tuple[Component, ...]:
    """Return the components of a store.

    Args:
        foreign: The OpenAI Agents SDK's tables that conversations are taken over from.
    """
    return (conversations(foreign),)

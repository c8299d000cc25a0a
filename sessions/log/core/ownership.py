"""Whether a session belongs to the owner that it is opened for: asked by every statement that finds its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.errors import OwnerError
from sessions.labels import as_stored

if TYPE_CHECKING:
    from sessions.log.conversation import Conversation


def check_owner(conversation: Conversation, owner: str | bytes | None) -> None:
    """Go on if a stored session has the owner that the conversation wants, if it wants one.

    Raises:
        OwnerError: It has another one, or none.
    """
    wanted = conversation.owner
    if wanted is None or (owner is not None and as_stored(owner) == wanted):
        return
    if owner is None:
        raise OwnerError(
            f"session {conversation.session_id!r} has no owner, but was opened for one. Nothing was read or "
            "written. To give it the owner, open it without one: store.session(id).set_info(owner=…)."
        )
    raise OwnerError(
        f"session {conversation.session_id!r} belongs to another owner. Nothing was read or written. Use "
        "another id, or open it for its own owner."
    )

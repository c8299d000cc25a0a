"""Notes of people and programs about a session: its owner, title, tags, metadata, and whether it is archived.

Made by scripts/build_blocking.py from sessions/session/info.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.objects import SessionPart
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    import sessions.session.info
    from sessions.labels import Owner
    from sessions.types.info import Info
    from sessions.validation import Default


class Description(SessionPart):
    """Info."""

    _async: sessions.session.info.Description

    def info(self) -> Info:
        """Return the session's owner, title, tags and metadata, and whether it is archived.

        Example: ``info = session.info()``

        Returns:
            The info; an empty one with version 0 for a session that does not exist yet.

        Raises:
            OwnerError: The session belongs to another owner, or has none, and this object was opened for an owner.
            MissingKeyError: The session is encrypted but was opened without a key.
            DecryptionError: The key is wrong, or the stored info was altered.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        return run(self._async.info())

    def set_info(
        self,
        *,
        title: str | Default | None = DEFAULT,
        tags: Iterable[str] | Default | None = DEFAULT,
        metadata: Mapping[str, Any] | Default | None = DEFAULT,
        archived: bool | Default = DEFAULT,
        owner: Owner | Default | None = DEFAULT,
        expected_version: int | None = None,
    ) -> Info:
        """Set parts of the session's info in one transaction. Other parts stay as they are, and ``None`` clears one.

        Example: ``session.set_info(title="Trip to Rome", tags=["travel"], archived=False)``

        This also creates a session. It raises the session's version, and watchers get ``info_changed``. It does not
        make the session active, so its place in lists stays. Leases do not prevent it, as it changes no branch.
        Clearing the session keeps its info; deleting and erasing remove it.

        Args:
            title: The title: text of 1 to 1,024 bytes in UTF-8.
            tags: All tags, instead of the present ones: at most 64 of 1 to 255 bytes each. Repeated tags count once.
            metadata: A JSON object, instead of the present one: at most 65,536 bytes.
            archived: Whether the session is archived.
            owner: The new owner. Objects that were opened for the former owner raise `OwnerError` from then on.
            expected_version: The `version` of the info as it was read: if another caller has set the info since,
                nothing is changed. 0 stands for info that was never set.

        Returns:
            All of the info as it is now.

        Raises:
            ConflictError: The info has another version than `expected_version`. Its own version is the error's.
            OwnerError: The session belongs to another owner, or has none, and this object was opened for an owner.
            InvalidItemError: `metadata` is not a JSON object.
            MissingKeyError: The session is encrypted but was opened without a key.
            DecryptionError: The key is wrong, or the stored info was altered.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or nothing is to be set.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        return run(
            self._async.set_info(
                title=title,
                tags=tags,
                metadata=metadata,
                archived=archived,
                owner=owner,
                expected_version=expected_version,
            )
        )

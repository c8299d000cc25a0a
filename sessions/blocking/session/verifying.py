"""Verifying stored rows: `session.verify()`, and the iterator that it and `store.verify()` return.

Made by scripts/build_blocking.py from sessions/session/verifying.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.objects import SessionPart
from sessions.blocking.verifying import Verification

if TYPE_CHECKING:
    from collections.abc import Callable

    import sessions.session.verifying
    from sessions.types.verify import Verified


class Verifying(SessionPart):
    """Verification."""

    _async: sessions.session.verifying.Verifying

    def verify(self, *, progress: Callable[[Verified], object] | None = None, after: str | None = None) -> Verification:
        """Check everything that is stored of this session, and yield each finding.

        Example: ``findings = [finding for finding in session.verify()]``

        The checks are those of `Store.verify` that are about one session. Nothing is changed. `repair` is something
        else: it finds items that models do not accept, in rows that are sound.

        Args:
            progress: Called after each page with the summary so far.
            after: The `after` of an earlier verification's summary, to go on behind it.

        Returns:
            An iterator of findings, with a `summary`. A session that does not exist has no findings.

        Raises:
            OwnerError: The session belongs to another owner, or has none, and this object was opened for an owner.
            TypeError: `after` is no text.
            ValueError: `after` is not such a text.
            StoreError: The database cannot be reached, or is locked by others for too long.
            SessionClosedError: The session has been closed.
        """
        return Verification(self._async.verify(progress=progress, after=after))

"""Watching a session: every change, from any process, as it happens.

Made by scripts/build_blocking.py from sessions/session/watching.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Steps
from sessions.blocking.objects import SessionPart

if TYPE_CHECKING:
    import sessions.session.watching
    from sessions.types import Change


class Watching(SessionPart):
    """Watching."""

    _async: sessions.session.watching.Watching

    def watch(self, after: int | None = None) -> Steps[Change]:
        """Return an iterator over the session's changes in all branches. It waits for new ones.

        Example: ``for change in session.watch(): print(change.kind, change.items)``

        Each change after `after` is returned once, in order, from any process, even across lost connections. An item
        that was added and removed again before it was read appears only as removed. A change of kind ``reset`` means
        that the history cannot be replayed from there: over 1000 versions have passed, not all of them appends, or the
        session was deleted. Reload the session then.

        An iterator that raised has ended; start a new one after the version of the last change it returned. To release
        its resources at once, use `contextlib.closing`.

        Args:
            after: The last version that you have seen. ``None`` starts with the changes after the first step.

        Raises:
            TypeError: `after` is not an integer.
            ValueError: `after` is negative.
            UndecodableItemError: While iterating: an added item cannot be read, and the session is strict.
            StoreError: While iterating: the database refused the operation, or was unreachable for too long.
            SessionClosedError: While iterating: the session has been closed.
        """
        return Steps(self._async.watch(after))

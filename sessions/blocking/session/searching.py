"""Searching a session: the entries of a branch that have all words of a query.

Made by scripts/build_blocking.py from sessions/session/searching.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.objects import SessionPart

if TYPE_CHECKING:
    import sessions.session.searching
    from sessions.types.search import SearchPage


class Searching(SessionPart):
    """Searching."""

    _async: sessions.session.searching.Searching

    def search(self, query: str, *, branch: str | None = None, limit: int = 20, after: str | None = None) -> SearchPage:
        """Return the latest entries of a branch that have all words of a query, the latest first.

        Example: ``page = session.search("refund order 4711")``

        Words are compared whole, without case, accents written in any form; Chinese, Japanese, Korean and Thai need no
        spaces. A compound as ``user-id`` is also found by its parts. Searched are messages, calls with their arguments,
        outputs and reasoning; not annotations. Encrypted sessions are searched, too.

        A call looks at some 10,000 entries at most, and returns the hits among them; with many more entries, go on with
        the cursor. `Store.index` makes the words of entries, so that most need not be read.

        Args:
            query: Words, in any order.
            branch: The branch; the current one unless named.
            limit: The maximum number of hits.
            after: The `cursor` of the previous page.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The query has no word, or more than 64; or another argument is out of range.
            UnknownBranchError: The session has no such branch.
            MissingKeyError: The session is encrypted, and was opened without a key.
            DecryptionError: It is encrypted with another key, or a stored entry was altered.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        return run(self._async.search(query, branch=branch, limit=limit, after=after))

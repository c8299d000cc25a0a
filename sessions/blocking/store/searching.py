"""Searching a store: the entries of all sessions that have all words of a query, and making their words.

Made by scripts/build_blocking.py from sessions/store/searching.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.store.listing import Listing
from sessions.store.searching import CATCH_UP
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from datetime import date

    import sessions.store.searching
    from sessions.labels import Owner
    from sessions.types.search import Indexed, SearchPage
    from sessions.validation import Default


class StoreSearch(Listing):
    """The part of a store that searches sessions. The rest is `Store`."""

    _async: sessions.store.searching.StoreSearch

    def search(
        self,
        query: str,
        *,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        tag: str | None = None,
        archived: bool | None = None,
        since: date | None = None,
        limit: int = 20,
        after: str | None = None,
        catch_up: int = CATCH_UP,
    ) -> SearchPage:
        """Return the entries of all sessions that have all words of a query: of the session last active first.

        Example: ``page = store.search("refund order 4711", owner="ann")``

        Words are compared as in `LogSession.search`. Each entry that a branch has is found once, with the name of one
        branch; within a session, entries with higher ids come first. A session that is active while you page may be
        found twice, or be missed.

        The search first makes the words of new entries, and reads those entries that may match. The words of up to
        `catch_up` entries are made by each call; the result says how many sessions are `behind` all the same. Without
        the right to write, as with a read-only role, the words that others have made are searched. Sessions of the
        OpenAI Agents SDK are searched after their first use or after `adopt`.

        Args:
            query: Words, in any order.
            owner: Only sessions of this owner. ``None`` is refused, as a login that failed must not search everything.
            below: Only sessions of owners whose labels begin with these, as in `sessions`.
            tag: Only sessions with this tag. Encrypted sessions cannot be found by tags.
            archived: Only archived sessions, or only others.
            since: Only sessions that were changed then or later.
            limit: The maximum number of hits.
            after: The `cursor` of the previous page.
            catch_up: How many entries' words are made at most, about; 0 to write nothing.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The query has no word, or more than 64; or another argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(
            self._async.search(
                query,
                owner=owner,
                below=below,
                tag=tag,
                archived=archived,
                since=since,
                limit=limit,
                after=after,
                catch_up=catch_up,
            )
        )

    def index(
        self, *, owner: Owner | Default = DEFAULT, below: Owner | Default = DEFAULT, entries: int | None = None
    ) -> Indexed:
        """Make the words of entries that have none yet, so that searches are complete and fast.

        Example: ``done = store.index(entries=100_000)``

        Searches do the same for some entries. It works in short transactions, beside other callers, and goes on where
        it stopped; a session that changes at the moment is left for later.

        Args:
            owner: Only for sessions of this owner.
            below: Only for sessions of owners whose labels begin with these.
            entries: About how many entries at most; all by default.

        Returns:
            The number of sessions and of entries, and the remaining work.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreReadOnlyError: The database may not be written to.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.index(owner=owner, below=below, entries=entries))

"""Searching a store: the entries of all sessions that have all words of a query, and making their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.clock import now
from sessions.crypto.subject import with_keys
from sessions.errors import StoreError
from sessions.log.core.heads import EVERYTHING
from sessions.store.listing import Listing
from sessions.validation import DEFAULT, check_count

if TYPE_CHECKING:
    from datetime import date

    from sessions.labels import Owner
    from sessions.log.lifetime.catalog import Filter
    from sessions.log.search.catching_up import Gathered, Numbers, Words
    from sessions.session.handle import Handle
    from sessions.types.search import Indexed, SearchPage
    from sessions.validation import Default

CATCH_UP: Final = 2_000
"""A search first makes the words of about this many entries at most."""
_AT_ONCE: Final = 128
"""About how many entries are read at once to make their words: a few milliseconds, for which other tasks wait."""


class _Made(NamedTuple):
    """The work that was done to make words.

    Attributes:
        sessions: How many sessions are up to date because of it.
        entries: How many entries were read.
        skipped: The sessions that could not be read, by internal id.
        is_all: Whether all sessions that there were a key for are up to date.
    """

    sessions: int
    entries: int
    skipped: set[int]
    is_all: bool


class StoreSearch(Listing):
    """The part of a store that searches sessions. The rest is `Store`."""

    async def search(
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

        Example: ``page = await store.search("refund order 4711", owner="ann")``

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
        from sessions.store.search_run import SearchRun  # noqa: PLC0415 - as above
        from sessions.text_search.query import Query  # noqa: PLC0415 - as above
        from sessions.types.search import SearchPage  # noqa: PLC0415 - many programs never search

        asked = Query(query)
        wanted = self._filter(owner, below, tag, archived, since)
        limit, catch_up = check_count(limit, "limit", least=1), check_count(catch_up, "catch_up", least=0)
        search = SearchRun(self._any, asked, wanted, limit, after)
        made = await self._make_words(wanted, catch_up) if catch_up else None
        # Before the search: words that others store meanwhile may be missing in the page, and must not count as read.
        numbers = await self._count_behind(wanted, up_to_date=made is not None and made.is_all)
        await search.run()
        unread = made.skipped if made is not None else set()
        behind, locked = self._told(numbers, search.skipped | unread, unread)
        return SearchPage(search.hits, search.cursor, behind, locked)

    async def index(
        self, *, owner: Owner | Default = DEFAULT, below: Owner | Default = DEFAULT, entries: int | None = None
    ) -> Indexed:
        """Make the words of entries that have none yet, so that searches are complete and fast.

        Example: ``done = await store.index(entries=100_000)``

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
        from sessions.types.search import Indexed  # noqa: PLC0415 - as above

        wanted = self._filter(owner, below, None, None, None)
        most = EVERYTHING if entries is None else check_count(entries, "entries", least=1)
        made = await self._make_words(wanted, most, strict=True)
        numbers = await self._count_behind(wanted, up_to_date=made.is_all)
        behind, locked = self._told(numbers, made.skipped, made.skipped)
        return Indexed(made.sessions, made.entries, behind, locked)

    @property
    def _any(self) -> Handle:
        return self.session("any")._handle  # noqa: SLF001 - its keys and codec are those of all sessions

    async def _count_behind(self, wanted: Filter, *, up_to_date: bool) -> Numbers:
        """Count the sessions without words; it looks at each session, unless all that can be read are `up_to_date`."""
        from sessions.log.search.catching_up import Numbers, count_behind, count_encrypted  # noqa: PLC0415 - as above

        if not up_to_date:
            return await self._backend.read(lambda tx: count_behind(tx, wanted), "the store")
        if self._encryption is not None:
            return Numbers(0, 0, 0)
        encrypted = await self._backend.read(lambda tx: count_encrypted(tx, wanted), "the store")
        return Numbers(0, 0, encrypted)

    def _told(self, numbers: Numbers, skipped: set[int], unread: set[int]) -> tuple[int, int]:
        """Return the numbers of sessions that are behind, and that were skipped; the `unread` have no words for it."""
        behind = max(numbers.behind - len(unread), 0)
        if self._encryption is None:
            return max(behind - numbers.encrypted_behind, 0), numbers.encrypted + len(skipped)
        return behind, len(skipped)

    async def _make_words(self, wanted: Filter, most: int, *, strict: bool = False) -> _Made:
        """Make the words of about `most` entries; if not `strict`, entries that cannot be read count, too.

        Raises:
            StoreError: If `strict`, the database does not store them.
        """
        from sessions.log.search.catching_up import gather, store_words  # noqa: PLC0415 - as above

        before, sessions, entries, unread, is_all = EVERYTHING, 0, 0, 0, False
        skipped = set[int]()
        was_left = False
        has_key = self._encryption is not None
        while (spent := entries if strict else entries + unread) < most:
            here, left = before, min(_AT_ONCE, most - spent)
            gathered = await self._backend.read(
                lambda tx: gather(tx, wanted, here, left, has_key=has_key),  # noqa: B023 - awaited at once
                "the store",
            )
            if not gathered:
                is_all = not was_left
                break
            words = [one for each in gathered if (one := await self._words(each, skipped)) is not None]
            try:
                done = await self._backend.write(lambda tx: store_words(tx, words), "the store") if words else set()  # noqa: B023
            except StoreError:
                if strict:
                    raise
                break  # The role may only read: the words that others have made are searched.
            entries += sum(one.entries for one in gathered if one.of.session not in skipped)
            unread += sum(one.entries for one in gathered if one.of.session in skipped)
            sessions += sum(one.of.session in done and one.is_all for one in gathered)
            was_left = was_left or any(one.of.session not in done for one in gathered)
            last = gathered[-1]
            before = last.of.session + (last.of.session in done and not last.is_all)
        return _Made(sessions, entries, skipped, is_all)

    async def _words(self, gathered: Gathered, skipped: set[int]) -> Words | None:
        from sessions.log.search.catching_up import words_of_gathered  # noqa: PLC0415 - as above
        from sessions.store.search_run import LOCKED  # noqa: PLC0415 - as above

        conversation = self._any.of_session(gathered.of.session_id).conversation
        try:
            return await with_keys(lambda: words_of_gathered(gathered, conversation, now()))
        except LOCKED:
            skipped.add(gathered.of.session)
            return None

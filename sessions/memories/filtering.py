"""Filters of lists, counts and searches: the caller's conditions become parts of work, within a budget."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from sessions.db.dialect import text_of_key
from sessions.errors import FilterTooBroadError
from sessions.memory.candidates import candidates, usable_fields
from sessions.memory.filtering import Begin, Part, Wanted, go_on
from sessions.memory.filters import compile_filter
from sessions.memory.narrowing import hints_of
from sessions.validation import check_count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.memories.hold import Hold
    from sessions.memory.listing import Below, PayloadPage, Place
    from sessions.memory.rows import MemoryRow


class Filtering:
    """One caller's filter.

    Args:
        hold: The memories.
        given: The filter, as the caller gave it.
        budget: How many memories may be looked at; ``None`` for any number.

    Attributes:
        compiled: The filter in a form that can be called; ``None`` if it wants all memories.

    Raises:
        TypeError: The filter is not a dictionary, or the budget not an integer.
        InvalidFilterError: The filter is not valid.
        ValueError: The budget is not positive.
    """

    def __init__(self, hold: Hold, given: dict[str, Any] | None, budget: int | None) -> None:
        self._hold = hold
        self._budget = sys.maxsize if budget is None else check_count(budget, "filter_budget", least=1)
        self.compiled = compile_filter(given, hold.common.codec)

    async def rows(self, below: Below, after: Place | None, limit: int) -> list[MemoryRow]:
        """Return the first memories behind a place that match, up to `limit`.

        Raises:
            FilterTooBroadError: More memories than the budget allows would have to be looked at.
            UndecodableItemError: A value cannot be read.
        """
        found: list[MemoryRow] = []
        async for part in self.parts(below, after, limit, whole=True):
            found += part.rows
        return found

    async def count(self, below: Below) -> int:
        """Return how many memories match. It raises the same errors as `rows`."""
        return sum([len(part.ids) async for part in self.parts(below)])

    async def ids(self, below: Below) -> list[int]:
        """Return the ids of the memories that match. It raises the same errors as `rows`."""
        return [memory async for part in self.parts(below) for memory in part.ids]

    async def parts(
        self, below: Below, after: Place | None = None, limit: int = sys.maxsize, *, whole: bool = False
    ) -> AsyncIterator[Part]:
        """Yield the matching memories in parts, up to `limit` in all: their ids, or the `whole` memories.

        It raises the same errors as `rows`.
        """
        assert self.compiled is not None  # noqa: S101 - callers without a filter do not come here
        # A budget counts each memory that could match.
        fragment = self.compiled.fragment if self._budget == sys.maxsize else None
        is_sealed = self._hold.common.sealing is not None
        wanted = Wanted(below, self.compiled, self.matches, self.check, is_sealed, fragment)
        part = await self._hold.read(Begin(wanted, after, limit, whole))
        looked, found = part.looked, len(part.ids)
        while True:
            if looked > self._budget:
                raise await self._too_broad(below)
            yield part
            if part.place is None or found >= limit:
                return
            rest = limit - found
            part = await self._hold.read(partial(go_on, wanted=wanted, after=part.place, limit=rest, whole=whole))
            looked += part.looked
            found += len(part.ids)

    async def few(self, below: Below) -> set[int] | None:
        """Return the ids of the few memories among which are all that match; ``None`` if declared fields leave many."""
        assert self.compiled is not None  # noqa: S101 - as above
        compiled = self.compiled
        ids = await self._hold.read(lambda tx: candidates(tx, below.low, below.high, compiled))
        return None if ids is None else set(ids)

    def matches(self, row: MemoryRow) -> bool:
        """Tell whether a memory as it is stored matches, in a transaction.

        Raises:
            UndecodableItemError: Its value cannot be read.
            KeyWanted: Its namespace's keys have to be fetched first.
        """
        return self._matches(row.path, row.name, self._hold.open(row).payload)

    def check(self, page: PayloadPage) -> None:
        """Raise an error for the first of some memories that cannot be read, or not without a key."""
        for _, name, payload in page.rows:
            self._hold.check_plain(page.path, page.wrapped_keys, bytes(payload))
            self._matches(page.path, text_of_key(name), bytes(payload))

    def _matches(self, path: str, name: str, payload: bytes) -> bool:
        assert self.compiled is not None  # noqa: S101 - as above
        try:
            return self.compiled.matches(payload)
        except (ValueError, RecursionError):
            raise self._hold.undecodable(path, name) from None

    async def _too_broad(self, below: Below) -> FilterTooBroadError:
        assert self.compiled is not None  # noqa: S101 - as above
        if self._hold.common.sealing is not None:
            # No field can be declared.
            fields: tuple[str, ...] = ()
            advice = "Pass"
        else:
            usable = await self._hold.read(lambda tx: usable_fields(tx, below.low, below.high))
            fields = hints_of(self.compiled, usable.numbers)
            declare = f"Declare the field {fields[0]!r} and call reindex()" if fields else "Filter by a declared field"
            advice = f"{declare}, or pass"
        return FilterTooBroadError(
            f"{self._hold.subject}: the filter would look at more than {self._budget:,} memories, its budget. Nothing "
            f"was returned. {advice} a longer prefix or a larger filter_budget.",
            fields,
        )

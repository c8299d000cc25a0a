"""Searching memories: by meaning, by words, or by both; and without a query, the latest first."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, cast

from sessions.clock import now
from sessions.memories.filtering import Filtering
from sessions.memory.by_age import ByAge
from sessions.memory.read import ByIds
from sessions.memory.statements.memories import MANY_IDS
from sessions.types.memories import Found
from sessions.validation import check_count, check_flags, is_unicode

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.memories.hold import Hold
    from sessions.memory.listing import Below
    from sessions.memory.rows import MemoryRow
    from sessions.memory.search.ranking import Hit, Ranking
    from sessions.memory.search.ranking import Mode as RankingMode
    from sessions.memory.search.reading import Range

SearchMode: TypeAlias = Literal["auto", "vector", "text", "both"]
"""How `Memories.search` compares: by meaning, by words, or both; by default, by all that the store can."""

_PAGE: Final = MANY_IDS
"""Found memories that are read together, so that other readers have their turn."""

_LOOKED: Final = 1_024
"""Memories of a ranking that are looked at for a filter, before the filter looks at all of them by itself."""

_ROUNDS: Final = 3
"""How often a search begins again because a memory that it found was changed meanwhile.

If that goes on, the memory is returned with the score that it had a moment ago: a page is never short.
"""

_MODES: Final = ("auto", "vector", "text", "both")


class _Scored(NamedTuple):
    """A memory that was found, before its value is decoded."""

    row: MemoryRow
    hit: Hit | None = None


class Searching:
    """The methods that search."""

    _hold: Hold

    async def search(
        self,
        prefix: Sequence[str] = (),
        query: str | None = None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the word of this field
        limit: int = 10,
        offset: int = 0,
        mode: SearchMode = "auto",
        text_weight: float = 0.5,
        least: float | None = None,
        refresh: bool = False,
        filter_budget: int | None = None,
    ) -> builtins.list[Found]:
        """Search the memories of a namespace and of all namespaces below it, the best first.

        Example: ``found = await mine.search(query="How should I format replies?", limit=3)``

        The search is exact: it compares the query with every memory below the prefix, so a page is full as long as
        there are more. It finds all that was put before it began, also by other processes. Without a query, it returns
        the memories that were put last, the latest first.

        By meaning, the score is the cosine between the query and the best of a memory's texts. By words, it is BM25,
        from 0 to 1, where 1 is a text of nothing but the query's words. By both, it is a weighted sum of both, each in
        relation to the best; so look at `Found.cosine` to tell whether anything fits at all.

        Args:
            prefix: The first labels of the namespaces; none for all of them.
            query: A text in plain words; ``None`` or an empty one to get the latest.
            filter: Conditions for the values, as for `list`.
            limit: The maximum number of memories.
            offset: The number of memories to skip, for pages.
            mode: ``"vector"`` by meaning, ``"text"`` by words, or ``"both"``; ``"auto"`` is ``"both"`` with an
                embedding model, and ``"text"`` without one.
            text_weight: By both, the weight of words, from 0 to 1.
            least: Leave out memories with a lower score. Use it with ``mode="vector"`` or ``"text"``.
            refresh: As for `get`.
            filter_budget: As for `list`.

        Returns:
            The memories with their scores. Memories with the same texts have the same score. Equal scores are in a
            fixed order: in a namespace, that of their first puts.

        Raises:
            EmbeddingError: The embedding model failed.
            InvalidFilterError: The filter is not one; nothing was read.
            FilterTooBroadError: The filter would look at more memories than `filter_budget`.
            UndecodableItemError: A value cannot be read.
            ImportError: There is a query, and numpy is not installed.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or the mode needs an embedding model and the store has none.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        hold = self._hold
        wanted = check_count(limit, "limit", least=1) + check_count(offset, "offset", least=0)
        if isinstance(prefix, str) and query is None:
            raise TypeError(
                "prefix must be a tuple of strings, not str. Nothing was read. To search for a text, write "
                "search(query=…)."
            )
        asked = _checked_query(query)
        ranked_by = _checked_mode(mode, has_model=hold.common.model is not None)
        check_flags(refresh=refresh)
        weight, least = _checked_weight(text_weight), _checked_least(least)
        below = hold.below(prefix, now())
        filtering = Filtering(hold, filter, filter_budget)
        if not asked:
            found = await self._latest(below, wanted, filtering)
        else:
            found = await self._ranked(below, asked, ranked_by, wanted, filtering, text_weight=weight, least=least)
        page = found[offset:]
        refreshed = await self._refreshed([one.row for one in page], refresh=refresh)  # type: ignore[attr-defined] # of Reading
        rows = await hold.opened(refreshed)
        return [self._found_of(row, one.hit) for row, one in zip(rows, page, strict=True)]

    def _found_of(self, row: MemoryRow, hit: Hit | None) -> Found:
        parts = self._hold.parts(row)
        if hit is None:
            return Found(**parts, score=0.0)
        return Found(**parts, score=hit.score, cosine=hit.cosine, text=hit.text)

    async def _ranked(
        self,
        below: Below,
        query: str,
        mode: RankingMode,
        wanted: int,
        filtering: Filtering,
        *,
        text_weight: float,
        least: float | None,
    ) -> builtins.list[_Scored]:
        searcher = self._hold.common.searcher
        for left in range(_ROUNDS, -1, -1):
            ranking = await searcher.rank(_range(below), query, mode, text_weight=text_weight, least=least)
            found = await self._read_hits(ranking, below, wanted, filtering, may_begin_again=left > 0)
            if found is not None:
                break
        return found or []

    async def _read_hits(
        self,
        ranking: Ranking,
        below: Below,
        wanted: int,
        filtering: Filtering,
        *,
        may_begin_again: bool,
    ) -> builtins.list[_Scored] | None:
        """Return the best memories of a ranking; ``None`` to begin again, as one was changed since it was scored."""
        found: list[_Scored] = []
        allowed = None if filtering.compiled is None else await filtering.few(below)
        looked = 0
        for hits in ranking.pages(min(wanted + 2, _PAGE), _PAGE):
            if filtering.compiled is not None and allowed is None and looked >= _LOOKED:
                # The filter wants few of the best, and goes faster through all memories than in the ranking's order.
                allowed = set(await filtering.ids(below))
            some = [hit for hit in hits if allowed is None or hit.id in allowed]
            looked += len(some)
            rows = await self._rows(some, filtering)
            for hit in some:
                row = rows.get(hit.id)
                if row is None:
                    continue  # Removed since, or expired, or not wanted.
                if row.version != hit.version and may_begin_again:
                    return None
                found.append(_Scored(row, hit))
                if len(found) == wanted:
                    return found
        return found

    async def _rows(self, hits: Sequence[Hit], filtering: Filtering) -> dict[int, MemoryRow]:
        """Return the memories of hits that are there, and match the filter."""
        if not hits:
            return {}
        asked = ByIds([hit.id for hit in hits], now())

        def read(tx: Transaction) -> list[MemoryRow]:
            return [row for row in asked(tx) if filtering.matches(row)]

        rows = await self._hold.read(asked if filtering.compiled is None else read)
        return {row.id: row for row in rows}

    async def _latest(self, below: Below, wanted: int, filtering: Filtering) -> builtins.list[_Scored]:
        if filtering.compiled is None:
            rows = await self._hold.read(ByAge(below, wanted, newest=True))
            return [_Scored(row) for row in rows]
        best: list[MemoryRow] = []
        async for part in filtering.parts(below, whole=True):
            best = nlargest(wanted, [*best, *part.rows], key=lambda row: (row.updated_at, row.id))
        return [_Scored(row) for row in best]


def _range(below: Below) -> Range:
    from sessions.memory.search.reading import Range  # noqa: PLC0415 - few programs search

    return Range(below.low, below.high, below.owner)


def _checked_query(query: object) -> str:
    if query is None:
        return ""
    if not isinstance(query, str):
        raise TypeError(
            f"query must be a text or None, not {type(query).__name__}. Nothing was read. Pass the text to search for."
        )
    if not is_unicode(query):
        raise ValueError(
            "query has a lone surrogate, so it is no Unicode text. Nothing was read. Decode it with the right encoding."
        )
    return query.strip()


def _checked_mode(mode: object, *, has_model: bool) -> RankingMode:
    if mode not in _MODES:
        raise ValueError(f'mode must be "auto", "vector", "text" or "both", not {mode!r}. Nothing was read.')
    if mode == "auto":
        return "both" if has_model else "text"
    if mode != "text" and not has_model:
        raise ValueError(
            f"mode={mode!r} needs an embedding model, and this store was opened without one. Nothing was read. Open it "
            'with open_store(…, embed="local"), or search with mode="text".'
        )
    return cast("RankingMode", mode)


def _checked_weight(weight: object) -> float:
    if not isinstance(weight, int | float) or isinstance(weight, bool):
        raise TypeError(f"text_weight must be a number, not {type(weight).__name__}. Nothing was read.")
    if not 0 <= weight <= 1:
        raise ValueError(f"text_weight must be from 0 to 1, not {weight}. Nothing was read.")
    return float(weight)


def _checked_least(least: object) -> float | None:
    if least is None:
        return None
    if not isinstance(least, int | float) or isinstance(least, bool) or least != least:  # noqa: PLR0124 - NaN
        raise TypeError("least must be a number or None. Nothing was read. Pass a score.")
    return float(least)

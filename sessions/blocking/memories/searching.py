"""Searching memories: by meaning, by words, or by both; and without a query, the latest first.

Made by scripts/build_blocking.py from sessions/memories/searching.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence
    from typing import Any

    import sessions.memories.searching
    from sessions.memories.searching import SearchMode
    from sessions.types.memories import Found


class Searching(Part):
    """The methods that search."""

    _async: sessions.memories.searching.Searching

    def search(
        self,
        prefix: Sequence[str] = (),
        query: str | None = None,
        *,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        mode: SearchMode = "auto",
        text_weight: float = 0.5,
        least: float | None = None,
        refresh: bool = False,
        filter_budget: int | None = None,
    ) -> builtins.list[Found]:
        """Search the memories of a namespace and of all namespaces below it, the best first.

        Example: ``found = mine.search(query="How should I format replies?", limit=3)``

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
        return run(
            self._async.search(
                prefix,
                query,
                filter=filter,
                limit=limit,
                offset=offset,
                mode=mode,
                text_weight=text_weight,
                least=least,
                refresh=refresh,
                filter_budget=filter_budget,
            )
        )

"""Any sequence of changes and searches of memories, compared with scores that are computed anew."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from sessions.testing.memory.search_model import embed, expected
from sessions.types.memories import Put

if TYPE_CHECKING:
    from sessions.testing.expiry_model import OpenStore
    from sessions.types.memories import Found

Labels = tuple[str, ...]
NAMESPACES: Final = st.sampled_from([("a",), ("a", "b"), ("ab",), ("é😀",)])
PREFIXES: Final = st.sampled_from([(), ("a",), ("a", "b"), ("b",)])
KEYS: Final = st.sampled_from(["k", "l", "m", "n"])
TEXTS: Final = st.lists(st.sampled_from(["the", "cat", "dog", "sat", "ran", "far"]), min_size=1, max_size=6).map(
    " ".join
)
_TOLERANCE: Final = 4e-3
"""Vectors are stored in half precision."""


class SearchMachine(RuleBasedStateMachine):
    """The model: texts by namespace and key."""

    def __init__(self, open_here: OpenStore, **options: Any) -> None:
        super().__init__()
        # Little room for the cache, so that namespaces leave it, and some never fit.
        self._store = open_here(embed=embed, embed_fields=["text"], memory_cache=1_000, **options)
        self._mine = self._store.memories.under((f"{uuid4()}",))
        self._runner = asyncio.Runner()
        self._model: dict[tuple[Labels, str], str] = {}

    @rule(puts=st.lists(st.tuples(NAMESPACES, KEYS, TEXTS), min_size=1, max_size=6, unique_by=lambda one: one[:2]))
    def put(self, puts: list[tuple[Labels, str, str]]) -> None:
        self._runner.run(self._mine.put_many([Put(space, key, {"text": text}) for space, key, text in puts]))
        self._model |= {(space, key): text for space, key, text in puts}

    @rule(namespace=NAMESPACES, key=KEYS)
    def hide(self, namespace: Labels, key: str) -> None:
        self._runner.run(self._mine.put(namespace, key, {"text": "the cat"}, index=False))
        self._model.pop((namespace, key), None)

    @rule(namespace=NAMESPACES, key=KEYS)
    def delete(self, namespace: Labels, key: str) -> None:
        self._runner.run(self._mine.delete(namespace, key))
        self._model.pop((namespace, key), None)

    @rule(prefix=PREFIXES)
    def erase(self, prefix: Labels) -> None:
        self._runner.run(self._mine.erase(prefix, scrub=False))
        self._model = {one: text for one, text in self._model.items() if one[0][: len(prefix)] != prefix}

    @rule(
        prefix=PREFIXES, query=TEXTS, mode=st.sampled_from(["auto", "vector", "text"]), page=st.sampled_from([1, 3, 50])
    )
    def search(self, prefix: Labels, query: str, mode: Any, page: int) -> None:
        below: Any = {one: text for one, text in self._model.items() if one[0][: len(prefix)] == prefix}
        wanted = expected(below, query, mode)
        found: list[Found] = []
        while len(found) < len(wanted):
            some = self._runner.run(self._mine.search(prefix, query, mode=mode, limit=page, offset=len(found)))
            assert len(some) == min(page, len(wanted) - len(found))
            found += some
        assert not self._runner.run(self._mine.search(prefix, query, mode=mode, offset=len(wanted)))
        assert {(one.namespace, one.key) for one in found} == wanted.keys()
        scores = [one.score for one in found]
        assert scores == sorted(scores, reverse=True)
        for one in found:
            scored = wanted[one.namespace, one.key]
            assert one.value == {"text": self._model[one.namespace, one.key]}
            assert one.cosine is None or abs(one.cosine - scored.cosine) < _TOLERANCE
            assert one.text is None or abs(one.text - scored.text) < _TOLERANCE
            if mode != "auto":
                assert abs(one.score - scored.score) < _TOLERANCE
            elif not math.isnan(scored.score):
                # Relative to the best cosine, small differences are larger.
                spread = max(each.cosine for each in wanted.values()) - min(each.cosine for each in wanted.values())
                assert abs(one.score - scored.score) < _TOLERANCE + 4 * _TOLERANCE / max(spread, _TOLERANCE)

    def teardown(self) -> None:
        self._runner.run(self._store.close())
        self._runner.close()

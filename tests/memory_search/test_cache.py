"""The search cache and the ranking, compared with a model that computes everything anew from a dictionary."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.embedding.vectors import pack
from sessions.memory.search.block import CAPACITY, Query
from sessions.memory.search.cache import Known, SearchCache, score_beside
from sessions.memory.search.ranking import Mode, Ranking
from sessions.memory.search.rows import IndexRow

DIMS = 4
ROOM = 1 << 30
words = st.lists(st.integers(0, 6), max_size=8)
vector = st.tuples(*[st.integers(-3, 3)] * DIMS).filter(any)
vectors = st.lists(vector, max_size=2)
changes = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5), vectors, words, st.booleans()), max_size=30)


def unit(rows: list[Any]) -> Any:
    array = np.array(rows, np.float32).reshape(-1, DIMS)
    return array / np.linalg.norm(array, axis=1, keepdims=True) if len(array) else array


def pack_counts(counts: Counter[int]) -> bytes:
    """Return a row of hashed words, as `text_search/rows.py` has it."""
    hashes = sorted(counts)
    return np.array(hashes, "<u4").tobytes() + bytes(counts[each] for each in hashes)


def row(id_: int, version: int, space: int, some: list[Any], said: list[int]) -> IndexRow:
    return IndexRow(id_, version, space, pack(unit(some)) if some else None, pack_counts(Counter(said)))


def of_model(
    rows: list[IndexRow], said: dict[int, list[int]], some: dict[int, Any], vector: Any, asked: list[int]
) -> Any:
    """Return the cosine and the text score of each memory, in plain Python."""
    count = len(rows)
    lengths = {one.id: len(said[one.id]) for one in rows}
    average = max(sum(lengths.values()) / count, 1.0) if count else 1.0
    texts = dict.fromkeys(lengths, 0.0)
    best = 0.0
    for word in asked:
        having = sum(word in said[id_] for id_ in lengths)
        rarity = math.log(1 + (count - having + 0.5) / (having + 0.5))
        best += rarity * 2.2 / (1 + 1.2 * (0.25 + 0.75 * len(asked) / average))
        for id_, length in lengths.items():
            often = said[id_].count(word)
            texts[id_] += rarity * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length / average)) if often else 0
    cosines = {one.id: max((float(v @ vector) for v in unit(some[one.id])), default=None) for one in rows}
    return cosines, {id_: min(score / best, 1.0) if best else 0.0 for id_, score in texts.items()}


@settings(max_examples=150, deadline=None)
@given(changes, st.sets(st.integers(1, 3), min_size=1), vector, st.lists(st.integers(0, 7), unique=True))
def test_scores_do_not_depend_on_the_way_there(
    made: list[Any], asked_spaces: set[int], direction: Any, asked: list[int]
) -> None:
    cache = SearchCache(ROOM)
    generation = cache.prepare(0, 1, DIMS)
    there: dict[int, IndexRow] = {}
    said: dict[int, list[int]] = {}
    some: dict[int, Any] = {}
    known = dict.fromkeys((1, 2, 3), Known(1, 0))
    cache.put(generation, [], known, {1, 2, 3})
    for version, (space, number, new, text, is_removal) in enumerate(made, 2):
        id_ = space << 28 | number
        if is_removal:
            there.pop(id_, None)
            ids = [one for one in there if there[one].space == space]
            cache.keep_only(space, ids, Known(version, version))
        else:
            there[id_], said[id_], some[id_] = row(id_, version, space, new, text), text, new
            rows = [there[id_]] if text else [there[id_]._replace(words=None)]
            if not text:
                there.pop(id_)
            cache.put(generation, rows, {space: Known(version, 0)}, {1, 2, 3})
    query = Query(unit([direction])[0], tuple(asked))
    parts = cache.score(generation, query, asked_spaces)
    assert parts is not None
    wanted = [one for one in there.values() if one.space in asked_spaces]
    cosines, texts = of_model(wanted, said, some, query.vector, asked)
    found = {hit.id: hit for page in Ranking(parts, "both").pages(3, 2) for hit in page}
    assert found.keys() == {id_ for id_ in cosines if cosines[id_] is not None or texts[id_] > 0}
    for hit in found.values():
        assert hit.version == there[hit.id].version
        assert (hit.cosine is None) == (cosines[hit.id] is None)
        assert hit.cosine is None or hit.cosine == pytest.approx(cosines[hit.id], abs=2e-3)
        assert hit.text == pytest.approx(texts[hit.id], abs=1e-5)
    beside = score_beside(wanted, query, DIMS)
    assert {hit.id: hit for page in Ranking(beside, "both").pages(3, 2) for hit in page} == found


@pytest.mark.parametrize("mode", ["vector", "text", "both"])
@pytest.mark.parametrize("first", [1, 7, 5000])
def test_pages_are_the_whole_order_even_over_many_blocks(mode: Mode, first: int) -> None:
    random = np.random.default_rng(1)
    count = CAPACITY + 900
    some = random.integers(-3, 4, (count, DIMS)) + 0.5  # Few values: many scores are equal.
    rows = [row(at, at + 1, 1, [some[at]], [int(at % 7), int(at % 3)]) for at in range(count)]
    cache = SearchCache(ROOM)
    generation = cache.prepare(0, 1, DIMS)
    for at in range(0, count, 500):
        cache.put(generation, rows[at : at + 500], {1: Known(at + 500, 0)}, {1})
    query = Query(unit([(1, 2, 3, 4)])[0], (1, 5))
    parts = cache.score(generation, query, {1})
    assert parts is not None
    pages = list(Ranking(parts, mode).pages(first, 64))
    hits = [hit for page in pages for hit in page]
    assert len(pages[0]) == min(first, len(hits))
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.id))
    assert len({hit.id for hit in hits}) == len(hits)
    assert len(hits) == (sum(bool({1, 5} & {at % 7, at % 3}) for at in range(count)) if mode == "text" else count)


def test_words_that_all_have_say_little() -> None:
    """Reciprocal rank fusion would give the text with nothing but "the" the full credit of a first place."""
    the, cat = 1, 2
    rows = [
        row(1, 1, 1, [(1, 0, 0, 0)], [cat]),
        row(2, 2, 1, [(0, 1, 0, 0)], [the]),
        row(3, 3, 1, [(0, 0, 1, 0)], [the]),
    ]
    ((best, *_),) = Ranking(score_beside(rows, Query(unit([(1, 0, 0, 0)])[0], (the,)), DIMS), "both").pages(10, 10)
    assert best.id == 1


def test_least_leaves_lower_scores_out() -> None:
    rows = [row(at, at, 1, [(1, at, 0, 0)], [1]) for at in range(1, 5)]
    parts = score_beside(rows, Query(unit([(1, 0, 0, 0)])[0]), DIMS)
    (hits,) = Ranking(parts, "vector", least=0.4).pages(10, 10)
    assert [hit.id for hit in hits] == [1, 2]


def test_the_cache_stays_below_its_limit_and_forgets_what_was_used_least() -> None:
    rows = {
        space: [row(space << 28 | at, at + 1, space, [(1, 0, 0, 0)], [at]) for at in range(50)] for space in (1, 2, 3)
    }
    cache = SearchCache(ROOM)
    generation = cache.prepare(0, 1, DIMS)
    cache.put(generation, rows[1], {1: Known(50, 0)}, {1})
    size = cache.nbytes
    cache = SearchCache(5 * size // 2)
    generation = cache.prepare(0, 1, DIMS)
    query = Query(unit([(1, 0, 0, 0)])[0])
    assert cache.put(generation, rows[1], {1: Known(50, 0)}, {1})
    assert cache.put(generation, rows[2], {2: Known(50, 0)}, {2})
    assert cache.score(generation, query, {1})
    assert cache.put(generation, rows[3], {3: Known(50, 0)}, {3})
    assert cache.score(generation, query, {2}) is None
    assert cache.score(generation, query, {1, 3})
    assert not cache.put(generation, rows[2], {2: Known(50, 0)}, {1, 2, 3})
    assert cache.nbytes <= 5 * size // 2


def test_another_model_empties_the_cache() -> None:
    cache = SearchCache(ROOM)
    generation = cache.prepare(0, 1, DIMS)
    cache.put(generation, [row(1, 1, 1, [(1, 0, 0, 0)], [1])], {1: Known(1, 0)}, {1})
    other = cache.prepare(0, 2, DIMS)
    assert other != generation
    cache.put(generation, [row(1, 1, 1, [(1, 0, 0, 0)], [1])], {1: Known(1, 0)}, {1})
    assert cache.score(other, Query(None, (1,)), {1}) is None
    assert cache.prepare(0, 2, DIMS) == other

"""Queries match texts with all their words, and snippets show where these are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.text_search.query import MAX_WORDS, Query
from sessions.text_search.snippet import LENGTH, snippet


def _marked(text: str, query: str) -> str:
    cut = snippet([text], Query(query))
    shown = cut.text
    for low, high in reversed(cut.highlights):
        shown = f"{shown[:low]}[{shown[low:high]}]{shown[high:]}"
    return shown


@pytest.mark.parametrize(
    ("query", "text", "shown"),
    [
        ("user_id 17", "The user_id is 17, not user-id 18.", "The [user_id] is [17], not [user]-[id] 18."),
        ("東京駅", "私は東京駅に行きます。", "私は[東京駅]に行きます。"),
        ("京", "東京都京都", "東[京]都[京]都"),
        ("strasse", "In der Straße", "In der [Straße]"),
        ("café", "un cafe\u0301 noir", "un [cafe\u0301] noir"),
        ("fi", "ﬁ ﬁne", "[ﬁ] ﬁne"),
        ("हिन्दी", "मैं हिन्दी बोलता", "मैं [हिन्दी] बोलता"),
        ("ada@example.org", "To Ada@Example.ORG now", "To [Ada@Example.ORG] now"),
        ("zerowidth", "a zero\u200dwidth b", "a [zero\u200dwidth] b"),
        ("a b", "A, b!", "[A], [b]!"),
    ],
)
def test_words_are_shown_where_they_are(query: str, text: str, shown: str) -> None:
    assert Query(query).matches([text])
    assert _marked(text, query) == shown


def test_a_long_text_is_cut_around_the_first_word() -> None:
    cut = snippet(["hay " * 200 + "needle " + "hay " * 200], Query("needle"))
    assert cut.text.startswith("…hay ")
    assert cut.text.endswith(" hay…")
    assert len(cut.text) <= LENGTH + 2
    ((low, high),) = cut.highlights
    assert cut.text[low:high] == "needle"


def test_the_text_with_most_words_is_shown() -> None:
    assert snippet(["one", "one and two", "two"], Query("one two")).text == "one and two"


def test_all_words_are_needed_and_several_texts_are_one() -> None:
    query = Query("one two")
    assert query.matches(["one", "two"]) > 0
    assert query.matches(["one", "twos"]) == 0
    assert query.matches([]) == 0


def test_a_score_is_more_with_more_of_the_words_and_less_in_longer_texts() -> None:
    query = Query("a-b")
    exact, parts = query.matches(["x a-b"]), query.matches(["x b a"])
    assert 0 < query.matches(["x b a " + "word " * 100]) < parts < exact < 1
    assert parts < query.matches(["x b a b a"])


@pytest.mark.parametrize(
    ("given", "error"), [(None, TypeError), (b"x", TypeError), ("", ValueError), ("… _ 🎉", ValueError)]
)
def test_a_query_needs_a_word(given: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="query"):
        Query(given)


def test_a_query_has_a_bounded_number_of_words() -> None:
    assert len(Query(" ".join(map(str, range(MAX_WORDS)))).words) == MAX_WORDS
    with pytest.raises(ValueError, match="65 different words"):
        Query(" ".join(map(str, range(MAX_WORDS + 1))))


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None), min_size=1), st.text())
def test_any_part_of_a_text_finds_it_and_is_highlighted(before: str, part: str, after: str) -> None:
    text = f"{before} {part} {after}"
    try:
        query = Query(part)
    except ValueError:
        return
    assert 0 < query.matches([text]) < 1
    cut = snippet([text], query)
    assert cut.highlights
    ends = [0, *(place for span in cut.highlights for place in span), len(cut.text)]
    assert ends == sorted(ends)
    assert all(low < high for low, high in cut.highlights)

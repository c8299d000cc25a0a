"""The words of texts: scripts with and without spaces, identifiers, marks, every character of Unicode, huge texts."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.text_search.folding import fold
from sessions.text_search.words import QueryWords, words_of, words_of_query


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("?! … 🎉 _ --", []),
        ("To be, or NOT to be", ["to", "be", "or", "not", "to", "be"]),
        ("don't", ["don", "t"]),
        ("Straße ẞ", ["strasse", "ss"]),
        ("naïve nai\u0308ve", ["naïve", "naïve"]),
        ("ﬁne ① Ⅷ \uff21\uff22\uff11", ["fine", "1", "viii", "ab1"]),
        ("Sil\u00adbe zero\u200dwidth b\ufe0f", ["silbe", "zerowidth", "b"]),
        ("zero\u200bwidth", ["zero", "width"]),
        # Identifiers: the parts, then the whole.
        ("ORD-17.", ["ord", "17", "ord-17"]),
        ("user_id", ["user", "id", "user_id"]),
        ("__init__", ["init"]),
        ("src/main.py", ["src", "main", "py", "src/main.py"]),
        ("Ada@Example.org", ["ada", "example", "org", "ada@example.org"]),
        ("https://a.b", ["https", "a", "b", "https://a.b"]),
        ("12:30", ["12", "30", "12:30"]),
        ("größe-xl", ["grösse", "xl", "grösse-xl"]),
        # Scripts without spaces: characters and pairs.
        ("東京駅", ["東", "京", "駅", "東京", "京駅"]),
        ("猫", ["猫"]),
        ("커피를", ["커", "피", "를", "커피", "피를"]),
        ("ｶﾞｷﾞ", ["ガ", "ギ", "ガギ"]),
        ("ไทย", ["ไ", "ท", "ย", "ไท", "ทย"]),
        ("東京2020年 v2", ["東", "京", "東京", "2020", "年", "v2"]),
        ("𠮷野", ["𠮷", "野", "𠮷野"]),
        # Marks belong to the letter before them.
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        ("\u0301 \u0301a", ["a"]),
        ("lone \ud800 half", ["lone", "half"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == [unicodedata.normalize("NFC", word) for word in words]


@pytest.mark.parametrize(
    ("query", "words", "compounds"),
    [
        ("", (), ()),
        ("東京駅", ("東京", "京駅"), ()),
        ("猫", ("猫",), ()),
        ("user_id user", ("user", "id"), ("user_id",)),
        ("東京-1", ("東京", "1"), ("東京-1",)),
        ("Ada ADA ada", ("ada",), ()),
    ],
)
def test_words_of_a_query(query: str, words: tuple[str, ...], compounds: tuple[str, ...]) -> None:
    assert words_of_query(query) == QueryWords(words, compounds)


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_a_text_has_what_is_asked_with_a_part_of_it(before: str, part: str) -> None:
    found = set(words_of(f"{before} {part}"))
    asked = words_of_query(part)
    assert found >= {*asked.words, *asked.compounds}


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_one_letter_is_written_in_one_way(text: str, form: str) -> None:
    assert words_of(unicodedata.normalize(form, text)) == words_of(text)  # type: ignore[arg-type]


@given(st.text(max_size=40), st.text(max_size=40))
def test_words_of_two_texts_are_those_of_both(first: str, second: str) -> None:
    assert words_of(f"{first}\n{second}") == [*words_of(first), *words_of(second)]


def test_every_character_is_folded_once() -> None:
    """A folded text folds to itself, so that a stored word is found by itself."""
    blocks = (range(low, min(low + 0x1000, sys.maxunicode + 1)) for low in range(0, sys.maxunicode + 1, 0x1000))
    for block in blocks:
        folded = fold(" ".join(map(chr, block)))
        assert fold(folded) == folded


def test_letters_and_digits_of_every_script_are_words() -> None:
    letters = (
        chr(code) for code in range(0x80, 0x32000) if unicodedata.category(chr(code)) in {"Lu", "Ll", "Lo", "Nd"}
    )
    # Some stand for a mark without a letter, or have no shape.
    lost = [letter for letter in letters if any(map(str.isalnum, fold(letter))) and not words_of(letter)]
    assert not lost


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" + "\u0301\u0323" * 200_000, id="marks"),
        pytest.param("a-" * 200_000, id="joiners"),
        pytest.param("-" * 500_000, id="only joiners"),
        pytest.param("é" * 500_000, id="one word"),
        pytest.param("東" * 200_000, id="without spaces"),
        pytest.param("\u00ad" * 500_000, id="ignored"),
    ],
)
def test_huge_texts_take_time_that_grows_with_their_length(text: str) -> None:
    """Ordering 400,000 marks would take ten minutes, which is more than a test may."""
    assert sum(1 for _ in words_of(text)) <= 2 * len(text)

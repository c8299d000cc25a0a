"""The texts by which search finds a value."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from sessions import Put, open_store
from sessions.memory.search import indexing
from sessions.memory.search.texts import check_paths, texts_of

if TYPE_CHECKING:
    from pathlib import Path

VALUE = {
    "text": "hi",
    "user": {"name": "x", "tags": ["a", "b"]},
    "n": 3,
    "nothing": None,
    "blank": " ",
    "facts": [{"text": "one"}, {"text": "two"}, {}],
}


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("text", ["hi"]),
        ("user.name", ["x"]),
        ("user.tags[*]", ["a", "b"]),
        ("user.tags[0]", ["a"]),
        ("user.tags[-1]", ["b"]),
        ("user.tags[2]", []),
        ("user.tags[-3]", []),
        ("facts[*].text", ["one", "two"]),
        ("*.name", ["x"]),
        ("{text,user.name}", ["hi", "x"]),
        ("n", ["3"]),
        ("user", ["name: x\ntags: a\ntags: b"]),
        ("nothing", []),
        ("blank", []),
        ("missing.deeper", []),
        ("text.deeper", []),
        ("$", ["text: one\ntext: two\nn: 3\ntext: hi\nname: x\ntags: a\ntags: b"]),
    ],
)
def test_paths(path: str, texts: list[str]) -> None:
    assert check_paths([path], "index") == (path,)
    assert texts_of(VALUE, [path]) == texts


def test_an_object_of_one_text_is_that_text() -> None:
    assert texts_of({"memory": "prefers short answers"}, ["$"]) == ["prefers short answers"]


def test_an_empty_object_has_no_text() -> None:
    assert texts_of({}, ["$"]) == []


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[x]", "a]", "a.", "{a", "{}", "a[0", "x" * 2000])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        check_paths([path], "index")


@pytest.mark.parametrize("paths", ["text", 3, None, [1]])
def test_what_are_no_paths_are_refused(paths: Any) -> None:
    with pytest.raises(TypeError, match="a list of paths"):
        check_paths(paths, "index")


def test_too_many_or_no_paths_are_refused() -> None:
    for paths in ([], ["a"] * 65):
        with pytest.raises(ValueError, match="1 to 64"):
            check_paths(paths, "index")


async def test_the_words_of_long_texts_are_found_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: memory/search/indexing.py, `_LONG`: an event loop would stand still."""
    threads: list[bool] = []
    words_row = indexing.words_row

    def noting(texts: list[str]) -> bytes:
        threads.append(threading.current_thread() is threading.main_thread())
        return words_row(texts)

    monkeypatch.setattr(indexing, "words_row", noting)
    async with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        long = {"text": "cat " * 20_000}
        await store.memories.put_many([Put(("a",), "short", {"text": "dog"}), Put(("a",), "long", long)])
        assert threads == [True, False]
        assert [one.key for one in await store.memories.search(query="cat")] == ["long"]

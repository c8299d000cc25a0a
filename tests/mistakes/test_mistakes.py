"""Each mistake of docs/mistakes.md is made, and its message is the page's, word for word."""

from __future__ import annotations

import re

import pytest

from tests.pages import blocks

from .making import message_of
from .page import PAGE, Mistake, mistakes

MISTAKES = mistakes()


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.title for mistake in MISTAKES])
async def test_a_mistake_has_the_message_of_the_page(mistake: Mistake) -> None:
    assert await message_of(mistake) == mistake.message


def test_no_example_of_the_page_is_left_out() -> None:
    headings = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [mistake.title for mistake in MISTAKES] == headings
    assert [mistake.code for mistake in MISTAKES] == list(blocks("mistakes.md", "python").values())
    assert [f"{mistake.message}\n" for mistake in MISTAKES] == list(blocks("mistakes.md", "text").values())
    assert len(set(headings)) == len(headings) >= 70

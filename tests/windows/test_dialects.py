"""Where the shapes of providers and frameworks are known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import sessions
from sessions.items.dialects.dialect import UNKNOWN
from sessions.items.parts import Part

# Words that stand in items of one provider alone, as a program asks for them.
_WORDS = re.compile(
    r'"(function_call(_output)?|tool_calls|tool_call_id|call_id|server_label|tool_search_call|pending_safety_checks'
    r'|tool_use|tool_result|toolUse|toolResult|input_text|output_text)"'
)
_PACKAGE = Path(sessions.__file__).parent
# What is exported for tests makes items, the results of providers are no items, and a damage has a call's id.
_MAY = ("items/dialects/", "testing/", "session/usage/results.py", "cli/repair.py")


def test_the_dialects_alone_know_the_shape_of_an_item() -> None:
    files = {str(file.relative_to(_PACKAGE)): file.read_text(encoding="utf-8") for file in _PACKAGE.rglob("*.py")}
    knowing = {name for name, text in files.items() if _WORDS.search(text)}
    assert "items/dialects/openai.py" in knowing
    assert {name for name in knowing if not name.startswith(_MAY)} == set()


def test_of_an_unknown_shape_its_own_word_is_known_and_no_more() -> None:
    items: list[dict[str, Any]] = [
        {"type": "from_the_future", "call_id": "c"},
        {"role": "narrator", "content": "Once"},
        {"type": "message", "role": "chorus"},
        {"type": ["a", "list"]},
        # The kinds of known shapes are given to no other.
        {"role": "user", "content": {}},
        {},
    ]
    assert UNKNOWN.classify(items) == [
        ("from_the_future", None),
        ("narrator", None),
        ("chorus", None),
        ("unknown", None),
        ("unknown", None),
        ("unknown", None),
    ]
    for item in items:
        assert UNKNOWN.part_of(item) is Part.UNKNOWN
        assert (UNKNOWN.calls_of(item), UNKNOWN.answers_of(item), UNKNOWN.tools_of(item)) == ([], [], [])

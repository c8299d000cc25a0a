"""A "model" that needs no network: it gives the answers that people gave in recorded conversation trees.

The trees are an excerpt of OpenAssistant's; `data/LICENSE-oasst.md` names the source and its licence.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXCERPT = Path(__file__).parent / "data" / "oasst-excerpt.jsonl"


class RecordedTrees:
    """What was said in the trees, and what was said to that."""

    def __init__(self, path: Path = EXCERPT) -> None:
        self.beginnings: list[str] = []
        self._replies: dict[str, list[str]] = {}
        self._given: dict[str, str] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            prompt = json.loads(line)["prompt"]
            self.beginnings.append(prompt["text"])
            self._note(prompt)

    def _note(self, message: dict[str, Any]) -> None:
        replies = self._replies.setdefault(_folded(message["text"]), [])
        for reply in message["replies"]:
            replies.append(reply["text"])
            self._note(reply)

    def answer(self, question: str, previous: str | None = None) -> str:
        """Return the first recorded answer to a question, or the one after `previous`; a plain one if there is none."""
        answers = self._replies.get(_folded(question)) or [
            "Nobody answered that in the recordings.",
            "I still have no recording of an answer to that.",
        ]
        return answers[(answers.index(previous) + 1) % len(answers) if previous in answers else 0]

    def next_answer(self, question: str) -> str:
        """Return the first recorded answer to a question, and the next one each time it is asked again."""
        self._given[question] = self.answer(question, self._given.get(question))
        return self._given[question]

    def follow_ups(self, answer: str | None) -> list[str]:
        """Return what people said next after an answer, and at the beginning of a conversation (``None``)."""
        return self.beginnings if answer is None else self._replies.get(_folded(answer), [])


def _folded(text: str) -> str:
    """Return a text without what people write differently: case and punctuation."""
    return " ".join("".join(letter for letter in text.casefold() if letter.isalnum() or letter.isspace()).split())

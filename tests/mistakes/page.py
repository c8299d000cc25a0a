"""docs/mistakes.md: its examples and their messages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "mistakes.md"

_EXAMPLE: Final = re.compile(
    r"^### (?P<title>[^\n]+)\n\n(?:<!-- (?P<setting>[^\n]+) -->\n\n)?"
    r"```python\n(?P<code>.*?)```\n\n```text\n(?P<message>.*?)```$",
    re.MULTILINE | re.DOTALL,
)


class Mistake(NamedTuple):
    """An example of the page.

    Attributes:
        title: Its heading.
        setting: The circumstances, as `world.py` makes them; empty for the usual ones.
        code: The code that makes the mistake.
        message: The error's class and text.
    """

    title: str
    setting: str
    code: str
    message: str


def mistakes() -> list[Mistake]:
    """Return the examples in the order of the page."""
    found = _EXAMPLE.finditer(PAGE.read_text(encoding="utf-8"))
    return [Mistake(each["title"], each["setting"] or "", each["code"], each["message"].strip()) for each in found]


def write(messages: dict[str, str]) -> None:
    """Write the page again, with other messages, by the examples' titles."""

    def renew(found: re.Match[str]) -> str:
        head = found.group()[: found.start("message") - found.start()]
        return f"{head}{messages[found['title']]}\n```"

    PAGE.write_text(_EXAMPLE.sub(renew, PAGE.read_text(encoding="utf-8")), encoding="utf-8")

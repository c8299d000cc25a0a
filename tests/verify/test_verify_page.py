"""The page on verification: its programs run, and its table has each code with its severity."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from sessions import FindingCode, open_store
from sessions.testing.planting import DAMAGES, fill
from sessions.types.verify import MEANINGS
from tests.pages import ROOT, run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_programs_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/s.db"
    async with open_store(url) as store:
        await fill(store)
    page: dict[str, Any] = {"url": url}
    await run_page("verify.md", page)
    assert page["findings"] == []
    assert page["place"].read_text() == ""


def _rows() -> dict[str, str]:
    text = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[\w`, -]+`) \| (\w+) \|", text, re.MULTILINE)
    return {code.strip("` "): severity for codes, severity in rows for code in codes.split(",")}


def test_each_code_has_its_row() -> None:
    assert set(get_args(FindingCode)) == set(MEANINGS)
    assert _rows() == {code: meaning.severity for code, meaning in MEANINGS.items()}


def test_each_code_is_planted_or_made_elsewhere() -> None:
    elsewhere = {"file-damaged", "unreadable", "session-plain", "thread-damaged", "pieces-loose", "memory-damaged"}
    assert set(MEANINGS) - {damage.code for damage in DAMAGES.values()} == elsewhere

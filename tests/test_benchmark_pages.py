"""The heads of the benchmarks' pages are made from the tables below them, and the report writes both."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from benchmarks import summary
from benchmarks.report import write_document
from benchmarks.row import Figure, Row
from benchmarks.run import Result

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", summary.DOCUMENTS, ids=lambda page: page.name)
def test_the_head_is_that_of_the_table(page: Path, tmp_path: Path) -> None:
    copy = tmp_path / page.name
    shutil.copy(page, copy)
    summary.renew(copy, summary.DOCUMENTS[page])
    assert copy.read_text(encoding="utf-8") == page.read_text(encoding="utf-8")
    assert copy.with_suffix(".svg").read_bytes() == page.with_suffix(".svg").read_bytes()


@pytest.mark.parametrize("page", summary.DOCUMENTS, ids=lambda page: page.name)
def test_all_six_rows_are_there(page: Path) -> None:
    head = page.read_text(encoding="utf-8").partition(summary.HOW)[0]
    assert [pick.title for pick in summary.DOCUMENTS[page] if f"| {pick.title} |" not in head] == []
    assert len(summary.DOCUMENTS[page]) == 6


@pytest.mark.parametrize("page", summary.DOCUMENTS, ids=lambda page: page.name)
def test_a_plot_loads_nothing(page: Path) -> None:
    plot = page.with_suffix(".svg").read_text(encoding="utf-8")
    names = {element.tag.rpartition("}")[2] for element in ET.fromstring(plot).iter()}  # noqa: S314 - ours.
    assert names <= {"svg", "title", "style", "rect", "line", "text"}
    assert "url(" not in plot
    assert "href" not in plot


def test_a_run_writes_its_head_its_plot_and_the_rows_where_the_peer_is_faster(tmp_path: Path) -> None:
    reading = type("Reading", (Row,), {"name": "reading"})
    popping = type("Popping", (Row,), {"name": "popping"})
    results = [
        Result(reading, Figure("all", "ms"), {"limit": [1.0], "ours": [2.0], "sdk": [8.0]}),
        Result(popping, Figure("one", "requests/s", higher_is_better=True), {"ours": [100.0], "sdk": [150.0]}),
    ]
    page = tmp_path / "some.md"
    write_document(page, "# Some", ["Measured so."], results, [summary.Pick("Reading it all", "reading: all, ms")])
    text = page.read_text(encoding="utf-8")
    assert "| Reading it all | 8 ms | 2 ms | 1 ms | 4.0 |" in text
    assert "| popping: one, requests/s | 150 | 100 |" in text
    assert text.index("some.svg") < text.index(summary.HOW) < text.index("Measured so.") < text.index("## All results")
    assert "4.0 times as fast" in (tmp_path / "some.svg").read_text(encoding="utf-8")

"""The examples for LangGraph, run as a stranger does, without a network."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .programs import Place

_REPORT = r"versions: +agent-session-store \S+, langgraph \S+, wordllama \S+; Python 3\.\d+\.\d+\ndata path: +{path}\n"


def test_preferences_are_remembered(place: Place) -> None:
    """What the lesson expects is printed as it stands there."""
    told = place.output_of("preferences.py", "mine.db")

    answer = "[Using preferences: detailed_explanations, include_examples] Here's my response..."
    assert told.startswith(f"Conv 1: {answer}\nConv 2: {answer}\n\n")
    assert re.search(r"^found by meaning: (detailed_explanations|include_examples) \(0\.\d\d\)$", told, re.MULTILINE)
    (until,) = re.findall(r"^kept until: +(\S+), or ninety days after its next use$", told, re.MULTILINE)
    ends = datetime.strptime(until, "%Y-%m-%d").replace(tzinfo=UTC)
    assert timedelta(88) < ends - datetime.now(UTC) < timedelta(97), "ninety days, and up to a sixteenth"
    assert re.search(r"^in the file: +not readable$", told, re.MULTILINE)
    assert re.search(_REPORT.format(path=re.escape(str(place.folder / "mine.db"))), told)
    assert re.search(r"^embedding model: +wordllama\S*, 2 memories with vectors$", told, re.MULTILINE)

    # The second run is another conversation with the same user.
    assert place.output_of("preferences.py", "mine.db").startswith(f"Conv 1: {answer}\n")


def test_a_graph_goes_on_in_another_process(place: Place) -> None:
    told = place.output_of("restart.py", "mine.db")

    processes = re.findall(r"^process (\d+) (ends; its history|finds):$", told, re.MULTILINE)
    assert [what for _, what in processes] == ["ends; its history", "finds"]
    assert processes[0][0] != processes[1][0]
    before, found, after = (part.splitlines() for part in re.findall(r":\n((?:  \S+  next: .*\n)+)", told))
    assert before == found
    assert len(before) == 2
    assert len(after) == 4
    assert after[2:] == before
    assert "next: nothing    task, approved, report" in after[0]
    assert "for later sessions: This is the report: research the new LLM releases.\n" in told
    assert re.search(_REPORT.format(path=re.escape(str(place.folder / "mine.db"))), told)
    assert re.search(r"^embedding model: +wordllama\S*, 1 memory with vectors$", told, re.MULTILINE)


def test_a_wrong_path_is_one_line(place: Place) -> None:
    for program in ("preferences.py", "restart.py"):
        done = place.run(program, "nowhere/mine.db")
        assert done.returncode == 1
        assert "nowhere" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr

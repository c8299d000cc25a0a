"""The workflows check nothing of their own: they call the script that everybody calls, on every Python we name."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _jobs(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values())


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_the_script_and_nothing_else(path: Path) -> None:
    for job in _jobs(path):
        checkout, step = job["steps"]
        assert checkout.keys() == {"uses"}
        assert checkout["uses"].startswith("actions/checkout@")
        assert step in ({"run": ".ci/run"}, {"run": ".ci/run --everything"})
    assert "exec scripts/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_python_of_the_classifiers_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [line.rpartition(" ")[2] for line in project["classifiers"] if "Python :: 3." in line]
    (job,) = _jobs(ROOT / ".github" / "workflows" / "test.yml")
    assert job["strategy"]["matrix"]["python"] == named

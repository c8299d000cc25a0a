"""The site of the documentation, built once; and a model for agents that name none."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from agents import set_tracing_disabled
from agents.models.multi_provider import MultiProvider
from agents.testing import ModelStep, ScriptedModel
from agents.usage import Usage
from playwright.sync_api import sync_playwright

from tests.chromium import chromium
from tests.pages import ROOT
from tests.runner.dialogue import says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site. Any warning of the builder is an error."""
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, str(ROOT / "scripts" / "build_site.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stderr
    return folder


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedModel]:
    """Have agents without a model of their own give these answers, one after another."""
    set_tracing_disabled(disabled=True)

    def prepare(*texts: str) -> ScriptedModel:
        usage = Usage(requests=1, input_tokens=100, output_tokens=10, total_tokens=110)
        steps = [
            ModelStep(output=[says(text)], usage=usage, response_id=f"resp_{number}")
            for number, text in enumerate(texts)
        ]
        model = ScriptedModel(steps)
        monkeypatch.setattr(MultiProvider, "get_model", lambda *_: model)
        return model

    return prepare


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the current one, with a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Return the system's browser."""
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()

"""The system's Chromium, in which tests look at pages."""

from __future__ import annotations

import shutil

import pytest


def chromium() -> str:
    """Return the path of the browser; skip the test without one."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium is installed here: apt-get install chromium")
    return path

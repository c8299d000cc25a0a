"""`sessions.testing` is the index of the contracts: each name is there, and asks for nothing but its own extras."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import sessions.testing

if TYPE_CHECKING:
    from pathlib import Path

_WITHOUT_EXTRAS = """
import sys

for extra in ("anyio", "cryptography", "sqlalchemy", "rich"):
    sys.modules[extra] = None  # Importing it fails.

from sessions.testing import HistoryContract, LeaseContract, SessionContract
"""


@pytest.mark.parametrize("name", sessions.testing.__all__)
def test_each_name_is_there(name: str) -> None:
    """Fails without: testing/__init__.py, any line of `_MODULES`."""
    assert name in dir(sessions.testing)
    assert getattr(sessions.testing, name) is not None


def test_a_contract_needs_no_extras_of_others() -> None:
    """Fails without: testing/__init__.py, `TYPE_CHECKING` around the imports."""
    subprocess.run([sys.executable, "-c", _WITHOUT_EXTRAS], check=True)


_FAILING = """
import pytest
from sessions.testing import SessionContract

class Broken(dict):
    pass

class TestBroken(SessionContract):
    @pytest.fixture
    def make(self):
        return lambda session_id, **_: Broken()
"""


def test_a_contract_that_fails_shows_what_differs(tmp_path: Path) -> None:
    """Fails without: testing/__init__.py, `register_assert_rewrite`."""
    (tmp_path / "test_broken.py").write_text(_FAILING, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "is_a_session", "test_broken.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "where False = isinstance({}, " in run.stdout
    assert "1 failed" in run.stdout


def test_a_misspelt_name_is_told() -> None:
    with pytest.raises(AttributeError, match="SesionContract"):
        sessions.testing.SesionContract  # type: ignore[attr-defined]  # noqa: B018

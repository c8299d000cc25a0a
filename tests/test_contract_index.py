"""`sessions.testing` is the index of the contracts: each name is there, and asks for nothing but its own extras."""

import subprocess
import sys

import pytest

import sessions.testing

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


def test_a_misspelt_name_is_told() -> None:
    with pytest.raises(AttributeError, match="SesionContract"):
        sessions.testing.SesionContract  # type: ignore[attr-defined]  # noqa: B018

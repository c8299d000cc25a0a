"""A file or folder of the user's that is called `sessions`: the command names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, *command]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize("name", ["sessions.py", "sessions/__init__.py"])
def test_the_command_names_what_hides_the_package(tmp_path: Path, name: str) -> None:
    """And runs none of it.

    Fails without: agent_session_store.py, `hidden_by`.
    """
    other = tmp_path / name
    other.parent.mkdir(exist_ok=True)
    other.write_text("print('this is not ours')\n")
    done = _run(tmp_path, "-m", "agent_session_store", "migrate", "sqlite:///a.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Python imports {other} as 'sessions', so the package of agent-session-store cannot be imported here. "
        "Rename that file or folder, or remove its folder from PYTHONPATH.\n"
    )


def test_a_folder_without_init_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    done = _run(tmp_path, "-m", "agent_session_store", "--version")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_of_an_environment_is_not_hidden(tmp_path: Path) -> None:
    """As its folder, and not the current one, is the first on the path."""
    (tmp_path / "sessions.py").write_text("raise SystemExit(3)\n")
    script = Path(sys.executable).with_name("sessions")
    done = subprocess.run([script, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("agent-session-store ")


def test_python_names_the_users_file_in_an_import_error(tmp_path: Path) -> None:
    """So the guide to operating can say what to look for in the message."""
    (tmp_path / "sessions.py").write_text("")
    done = _run(tmp_path, "-c", "from sessions import open_store")
    assert "ImportError: cannot import name 'open_store' from 'sessions'" in done.stderr
    assert str(tmp_path / "sessions.py") in done.stderr

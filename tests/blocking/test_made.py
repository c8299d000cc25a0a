"""`sessions.blocking` is made of the asynchronous classes as they are now, and has all of their methods."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sessions
from sessions import blocking
from sessions.blocking.session.usage.usage import SessionUsage as BlockingUsage
from sessions.encrypted import EncryptedLogSession
from sessions.session.base import LogSession
from sessions.session.usage.usage import SessionUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]

_WITHOUT = {"AsyncSQLiteSession", "Session"}
"""Names that differ from others only in being asynchronous."""

_WITHOUT_METHODS = {"run_compaction", "engine"}
"""Members for runners and for the event loop of an engine."""

_PAIRS: dict[str, tuple[type, type]] = {
    **{
        name: (getattr(sessions, name), getattr(blocking, name))
        for name in ("LogSession", "Branches", "Store", "Sweeper", "SQLiteSession", "SQLAlchemySession")
    },
    **{
        name: (getattr(sessions, name), getattr(blocking, name))
        for name in ("AdvancedSQLiteSession", "AdvancedSQLAlchemySession")
    },
}


def _pairs() -> Iterator[tuple[str, Any, Any]]:
    """Yield all public methods and properties: their names, and both forms."""
    pairs = {
        **_PAIRS,
        "SessionUsage": (SessionUsage, BlockingUsage),
        "EncryptedSession": (EncryptedLogSession, blocking.EncryptedSession),
    }
    for kind, (asynchronous, door) in pairs.items():
        for name in dir(asynchronous):
            if not name.startswith("_") and name not in _WITHOUT_METHODS:
                yield (
                    f"{kind}.{name}",
                    inspect.getattr_static(asynchronous, name),
                    inspect.getattr_static(door, name, None),
                )


_METHODS = [pytest.param(*pair[1:], id=pair[0]) for pair in _pairs()]


def test_the_files_are_current() -> None:
    """If this fails, run scripts/build_blocking.py: an asynchronous class has changed, and so must its counterpart."""
    done = subprocess.run(
        [sys.executable, _ROOT / "scripts" / "build_blocking.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_file_that_is_not_current_is_told(tmp_path: Path) -> None:
    """It is named, with the remedy."""
    for name in ("sessions", "scripts", "pyproject.toml"):
        (tmp_path / name).symlink_to(_ROOT / name) if name == "pyproject.toml" else _copy(_ROOT / name, tmp_path / name)
    changed = tmp_path / "sessions" / "session" / "watching.py"
    changed.write_text(changed.read_text(encoding="utf-8").replace("after: int | None = None", "since: int = 0"))
    done = subprocess.run(
        [sys.executable, tmp_path / "scripts" / "build_blocking.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == "sessions/blocking/session/watching.py is not current: run scripts/build_blocking.py\n"


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


def test_classes_of_one_name_have_counterparts_of_their_own() -> None:
    """Two modules may use one noun, as the searches of a session and of memories do.

    Fails without: scripts/build_blocking.py, the modules of the names in `COUNTERPARTS`.
    """
    of_sessions, of_memories = (
        {base.__module__ for base in kind.__mro__ if base.__name__ == "Searching"}
        for kind in (blocking.LogSession, blocking.Memories)
    )
    assert of_sessions == {"sessions.blocking.session.searching"}
    assert of_memories == {"sessions.blocking.memories.searching"}


def test_the_names_are_the_same() -> None:
    assert set(sessions.__all__) - _WITHOUT - set(blocking.__all__) == set()
    for name in blocking.__all__:
        found = getattr(blocking, name)
        assert found is getattr(sessions, name, None) or (found.__name__, found.__module__[:17]) == (
            name,
            "sessions.blocking",
        )
    assert set(blocking.__all__) <= set(dir(blocking))


def test_a_misspelt_name_is_told() -> None:
    with pytest.raises(AttributeError, match="SQLiteSesion"):
        blocking.SQLiteSesion  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(("asynchronous", "door"), _METHODS)
def test_a_method_has_the_same_parameters(asynchronous: Any, door: Any) -> None:
    assert door is not None
    if isinstance(asynchronous, property):
        assert isinstance(door, property)
        return
    if not callable(getattr(asynchronous, "__func__", asynchronous)):
        return
    theirs, ours = (inspect.signature(getattr(one, "__func__", one)) for one in (asynchronous, door))
    assert [(one.name, one.kind, one.default) for one in ours.parameters.values()] == [
        (one.name, one.kind, one.default) for one in theirs.parameters.values()
    ]
    assert not inspect.iscoroutinefunction(door)


@pytest.mark.parametrize(("asynchronous", "door"), _METHODS)
def test_a_docstring_speaks_of_no_event_loop(asynchronous: Any, door: Any) -> None:
    del asynchronous
    text = (door.fget if isinstance(door, property) else door).__doc__ or ""
    assert not re.search(r"\b(await|async|event loop)\b(?!io)", text), text
    assert max(map(len, text.splitlines())) <= 120


def test_constructors_have_the_same_parameters() -> None:
    for name, (asynchronous, door) in _PAIRS.items():
        if name.endswith(("SQLiteSession", "SQLAlchemySession")):
            assert str(inspect.signature(door)) == str(inspect.signature(asynchronous)), name
    encrypted = inspect.signature(blocking.EncryptedSession), inspect.signature(sessions.EncryptedSession)
    assert str(encrypted[0]) == str(encrypted[1])


def test_importing_it_needs_no_database_library() -> None:
    program = (
        "import sys; from sessions.blocking import SQLiteSession, open_store; "
        "assert not {'sqlalchemy', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_no_class_of_a_user_is_called_asynchronous() -> None:
    """A counterpart is no `LogSession`: a runner that awaits its methods would fail late."""
    assert not issubclass(blocking.LogSession, LogSession)

"""The warning about passphrases: what it says, where it points to, and how often it comes."""

from __future__ import annotations

import inspect
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions import AdvancedSQLiteSession, EncryptedSession, KeyRing, SQLiteSession, generate_key, open_store
from sessions.codecs.passphrase import Stretcher
from sessions.errors import WeakKeyWarning

from .test_foreign import Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def caught() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        yield recorded


@pytest.fixture
def passphrase() -> str:
    """One that this process has not seen."""
    return f"horse {uuid4()}"


def _line() -> int:
    frame = inspect.currentframe()
    assert frame
    assert frame.f_back
    return frame.f_back.f_lineno


def test_it_points_to_the_callers_line(tmp_path: Path, caught: list[warnings.WarningMessage]) -> None:
    lines: list[int] = []

    def plain() -> None:
        lines.append(_line() + 1)
        EncryptedSession("s", SQLiteSession("s", tmp_path / "s.db"), f"horse {uuid4()}")

    def advanced() -> None:
        lines.append(_line() + 1)
        EncryptedSession("s", AdvancedSQLiteSession(session_id="s", db_path=tmp_path / "s.db"), f"horse {uuid4()}")

    def foreign() -> None:
        lines.append(_line() + 1)
        EncryptedSession("s", Listed(), f"horse {uuid4()}")

    def ring() -> None:
        lines.append(_line() + 1)
        KeyRing({"k": f"horse {uuid4()}"})

    def ring_of_one() -> None:
        lines.append(_line() + 1)
        KeyRing.of(f"horse {uuid4()}")

    def store() -> None:
        lines.append(_line() + 1)
        open_store("sqlite://", encryption_key=f"horse {uuid4()}")

    constructors: list[Callable[[], None]] = [plain, advanced, foreign, ring, ring_of_one, store]
    for number, construct in enumerate(constructors):
        construct()
        assert len(caught) == number + 1, construct.__name__
        warning = caught[-1]
        assert (warning.category, warning.filename, warning.lineno) == (WeakKeyWarning, __file__, lines[-1])


def test_it_says_how_to_make_a_good_key(passphrase: str, caught: list[warnings.WarningMessage]) -> None:
    KeyRing({"k": passphrase})
    text = str(caught[0].message)
    assert passphrase not in text
    assert "key 'k'" in text
    command = text.split("`")[1]
    assert command.startswith('python -c "')
    made = subprocess.run(
        [sys.executable, "-c", command.split('"')[1]], check=True, capture_output=True, text=True
    ).stdout.strip()
    KeyRing({"k": made})
    assert len(caught) == 1


def test_once_for_each_key(tmp_path: Path, passphrase: str, caught: list[warnings.WarningMessage]) -> None:
    for _ in range(3):
        EncryptedSession("s", SQLiteSession("s", tmp_path / "s.db"), passphrase)
    assert len(caught) == 1
    EncryptedSession("s", SQLiteSession("s", tmp_path / "s.db"), passphrase + "!")
    assert len(caught) == 2


# Named, as those that are generated would have another name in each process that runs tests.
@pytest.mark.parametrize(
    "key",
    [generate_key(), generate_key().rstrip("="), "0f" * 32, b"\x01" * 32, b"\x01" * 40],
    ids=["generated", "without padding", "hexadecimal", "32 bytes", "40 bytes"],
)
def test_none_for_a_good_key(tmp_path: Path, key: Any, caught: list[warnings.WarningMessage]) -> None:
    EncryptedSession("s", SQLiteSession("s", tmp_path / "s.db"), key)
    assert not caught


def test_the_same_key_in_each_spelling() -> None:
    key = generate_key()
    raw = KeyRing.of(key).masters().current
    spelt = [key.rstrip("="), key.replace("-", "+").replace("_", "/")]
    assert {KeyRing.of(one).masters().current for one in spelt} == {raw}


async def test_it_is_stretched_once_for_each_process_and_store(
    tmp_path: Path, passphrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretched: list[float] = []
    derive = Stretcher.__call__

    def counted(self: Stretcher, given: Any) -> bytes:
        before = time.perf_counter()
        known = dict(self._known)
        key = derive(self, given)
        if self._known != known:
            stretched.append(time.perf_counter() - before)
        return key

    monkeypatch.setattr(Stretcher, "__call__", counted)
    with pytest.warns(WeakKeyWarning):
        KeyRing.of(passphrase)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(4):
            session = EncryptedSession(f"s{number}", SQLiteSession(f"s{number}", tmp_path / "s.db"), passphrase, None)
            await session.add_items([{"role": "user", "content": str(number)}])
            assert len(await session.get_items()) == 1
        assert len(stretched) == 1
        session = EncryptedSession("s", SQLiteSession("s", tmp_path / "other.db"), passphrase, None)
        await session.add_items([{"role": "user", "content": "1"}])
    # The other store has a salt of its own.
    assert len(stretched) == 2

"""The warning about passphrases: what it says, where it points to, and how often it comes."""

from __future__ import annotations

import base64
import inspect
import random
import string
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions import AdvancedSQLiteSession, EncryptedSession, KeyRing, SQLiteSession, generate_key, open_store
from sessions.crypto.key_texts import PREFIX
from sessions.crypto.passphrase import Stretcher
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


def _raw(key: str) -> bytes:
    """Return the random bytes of a generated key."""
    return base64.urlsafe_b64decode(key.removeprefix(PREFIX))[:32]


KEY = generate_key()


# Named, as those that are generated would have another name in each process that runs tests.
@pytest.mark.parametrize(
    "key",
    [KEY, f"{KEY}\n", f"{KEY}\r\n", KEY.encode(), f"{KEY}\n".encode(), b"\x01" * 32, b"\x01" * 40],
    ids=["generated", "with a newline", "with CR LF", "as bytes", "as bytes of a file", "32 bytes", "40 bytes"],
)
def test_none_for_a_good_key(tmp_path: Path, key: Any, caught: list[warnings.WarningMessage]) -> None:
    EncryptedSession("s", SQLiteSession("s", tmp_path / "s.db"), key)
    assert not caught


@pytest.mark.parametrize(
    "text",
    [
        "correct-horse-battery-staple-is-my-password",
        "correct-horse-battery-staple-is-my-password1",
        "a" * 43,
        "a" * 43 + "=",
        "0f" * 32,
        "deadbeef" * 8,
        base64.urlsafe_b64encode(bytes(range(32))).decode(),
        bytes(range(32)).hex(),
        "my_" + PREFIX + "a" * 48,
    ],
    ids=["43", "44", "43 a", "padded", "hex-like", "dead beef", "base64", "hex", "another prefix"],
)
@pytest.mark.parametrize("of", [str, str.encode, "{}\n".format], ids=["text", "bytes", "a file's line"])
def test_all_other_text_is_a_passphrase(text: str, of: Any, caught: list[warnings.WarningMessage]) -> None:
    """Fails without: crypto/key_texts.py, `PREFIX`; `_text_of`."""
    for ring in (KeyRing.of(of(text)), KeyRing({"k": of(text)})):
        assert ring.needs_stretching
    assert [warning.category for warning in caught] == [WeakKeyWarning, WeakKeyWarning]
    assert text not in str(caught[0].message)


def test_random_bytes_are_a_key_whatever_they_look_like(caught: list[warnings.WarningMessage]) -> None:
    for number in range(2000):
        raw = random.Random(number).randbytes(32)  # noqa: S311 - the same ones in each run
        assert not KeyRing.of(raw).needs_stretching
    assert not caught


@pytest.mark.parametrize(
    "key",
    [KEY, _raw(KEY), b"\x01" * 32, b"\x01" * 31 + b"\n", b"\x01" * 64, b"\x01" * 60 + b"\n\n"],
    ids=["generated", "its bytes", "32", "31 and a newline", "64", "60 and two newlines"],
)
def test_a_final_newline_is_no_part_of_a_key(key: Any) -> None:
    """As of a key that was read from a file.

    Fails without: crypto/key_texts.py, `_without_newlines`, `rstrip`.
    """
    newline: Any = "\n" if isinstance(key, str) else b"\n"
    assert KeyRing.of(key + newline).ready().current == KeyRing.of(key).ready().current
    if isinstance(key, str):
        assert KeyRing.of((key + newline).encode()).ready().current == KeyRing.of(_raw(key)).ready().current


@pytest.mark.parametrize(
    "file",
    [
        KEY.encode() + b"\r\n",
        b"\xef\xbb\xbf" + KEY.encode(),
        b"\xef\xbb\xbf" + KEY.encode() + b"\r\n",
        f"{KEY}\n".encode("utf-16"),
        f"\ufeff{KEY}\r\n",
    ],
    ids=["CRLF", "mark", "mark and CRLF", "UTF-16", "text with a mark"],
)
def test_a_file_of_windows_holds_the_key(file: Any, caught: list[warnings.WarningMessage]) -> None:
    """Whoever takes the mark or the newline off has the same key.

    Fails without: crypto/key_texts.py, `removeprefix`; `BOM_UTF16_LE`.
    """
    assert KeyRing.of(file).ready().current == KeyRing.of(KEY).ready().current
    assert not caught


@pytest.mark.parametrize("last", [b"\n", b"\r", b"\x01"])
def test_a_newline_of_windows_is_no_part_of_random_bytes(last: bytes) -> None:
    """Fails without: crypto/key_texts.py, `_without_newlines`, of b"\\r"."""
    raw = b"\x01" * 31 + last
    assert KeyRing.of(raw + b"\r\n").ready().current == KeyRing.of(raw).ready().current


@pytest.mark.parametrize("of", [str, str.encode], ids=["text", "bytes"])
def test_a_generated_key_with_another_beginning_is_no_passphrase(of: Any) -> None:
    """It would encrypt, and the key itself would not decrypt that.

    Fails without: crypto/key_texts.py, `_is_nearly_generated`.
    """
    added = [f" {KEY}", f"\n{KEY}", f'"{KEY}"', f"'{KEY}'\n", f"KEY={KEY}", KEY.upper(), KEY.capitalize(), KEY[1:]]
    altered = [KEY[:at] + "x" + KEY[at + 1 :] for at in range(len(PREFIX))]
    for text in (*added, *altered, KEY.removeprefix(PREFIX)):
        with pytest.raises(ValueError, match="cut or altered") as error:
            KeyRing.of(of(text))
        assert KEY[len(PREFIX) : len(PREFIX) + 6] not in str(error.value)


async def test_a_passphrase_from_a_file_is_the_passphrase(
    tmp_path: Path, passphrase: str, caught: list[warnings.WarningMessage]
) -> None:
    texts: list[str | bytes] = [passphrase, f"{passphrase}\n", f"{passphrase}\r\n", f"{passphrase}\n".encode()]
    texts += [f"\ufeff{passphrase}\n", f"\ufeff{passphrase}\r\n".encode()]
    for number, text in enumerate(texts):
        session = EncryptedSession("s", SQLiteSession("s", tmp_path / "s.db"), text, None)
        await session.add_items([{"role": "user", "content": str(number)}])
        assert len(await session.get_items()) == number + 1
    assert len(caught) == 6


def test_a_generated_key_has_one_spelling() -> None:
    """A letter that is wrong or missing is no other key, and no passphrase.

    Fails without: crypto/key_texts.py, `_check`.
    """
    letters = string.ascii_letters + string.digits + "-_=+/ \n\u00e9"
    body = len(PREFIX)
    for place in (*range(body, len(KEY), 7), len(KEY) - 1):
        for letter in letters:
            altered = KEY[:place] + letter + KEY[place + 1 :]
            if altered != KEY:
                with pytest.raises(ValueError, match="cut or altered") as error:
                    KeyRing.of(altered)
                assert KEY[body : body + 6] not in str(error.value)
    for length in range(body, len(KEY)):
        with pytest.raises(ValueError, match="cut or altered"):
            KeyRing.of(KEY[:length])
    dashed = next(key for key in iter(generate_key, "") if {"-", "_"} <= set(key[body:]))
    for letter, usual in ("-", "+"), ("_", "/"):
        with pytest.raises(ValueError, match="cut or altered"):
            KeyRing.of(PREFIX + dashed[body:].replace(letter, usual))
    for more in ("=", "A", "AAAA", KEY):
        with pytest.raises(ValueError, match="cut or altered"):
            KeyRing.of(KEY + more)


@pytest.mark.parametrize("key", ["", "\n", "\r\n", b"", b"\n" * 31, b"a" * 31, b"secret\n"])
def test_no_key(key: Any) -> None:
    with pytest.raises(ValueError, match=r"empty|32 random"):
        KeyRing.of(key)


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

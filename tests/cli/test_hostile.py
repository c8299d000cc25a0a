"""Ids, titles and messages that hold control sequences: a terminal is given none, and programs lose nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import unicodedata
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions import open_store
from sessions.cli.common.inert import escaped, json_of, line_of, lines_of, without_secrets
from sessions.testing.list_model import json_values

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run

_EVIL: Final = "\x1b[2J\x1b]0;owned\x07 \x9b31m\r\b\x7f\u202egnp.exe\u2066\u200b[bold]red[/bold] :smile: \x00"[:-1]
_ID: Final = "id\x1b[31m\u202e[red]"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "hostile.db"
    url = f"sqlite:///{path}"

    async def fill() -> None:
        async with open_store(url) as store:
            session = store.session(_ID, owner=("acme\x1b[1m", "ann"))
            call = {"type": "function_call", "call_id": f"c{_EVIL}", "name": f"tool{_EVIL}", "arguments": _EVIL}
            items: list[dict[str, Any]] = [
                {"role": "user", "content": _EVIL},
                call,
                {"type": _EVIL, "output": [_EVIL], _EVIL: _EVIL},
            ]
            await session.as_author(f"author{_EVIL}").add_items(items)
            await session.usage.record(input_tokens=1, model="model\x1b[1m", agent="agent\u202e")
            await session.set_info(title=_EVIL, tags=["tag\x1b[1m"], metadata={_EVIL: _EVIL})
            await session.handover("\x1b[31mbilling", note=_EVIL)

    asyncio.run(fill())
    return path


@pytest.fixture
def url(written: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(written, tmp_path)}"


_COMMANDS: Final = [
    ["list"], ["list", "--json"], ["list", "--nl"], ["list", "--csv"], ["show", _ID], ["show", _ID, "--json"],
    ["show", _ID, "--nl"], ["show", _ID, "--csv"], ["show", _ID, "--raw"], ["tree", _ID], ["tree", _ID, "--mermaid"],
    ["tree", _ID, "--html"], ["tree", _ID, "--json"], ["watch", _ID, "--after", "0", "-n", "3"],
    ["watch", _ID, "--after", "0", "-n", "3", "--nl"], ["usage", "--by", "model,agent,session"], ["repair", _ID],
    ["repair", _ID, "--nl"], ["branch", "list", _ID], ["undo", _ID], ["undo", _ID, "--json"], ["erase", _ID, "--yes"],
    ["erase", _ID, "--yes", "--json"], ["show", f"{_ID}2"], ["branch", "delete", _ID, "\x1b[31m", "--yes"],
    ["show", _ID, "--branch", "\x1b[31m"], ["usage", "--by", "\x1b[31m"], ["list", "--since", "\x1b[31m"],
    ["list", "--after", "\x1b[31m"], ["\x1b[31m"],
]  # fmt: skip


@pytest.mark.parametrize("wide", ["", "30"])
@pytest.mark.parametrize("words", _COMMANDS, ids=lambda words: ascii(" ".join(words)))
def test_no_output_has_a_character_that_a_terminal_obeys(
    run: Run, url: str, words: list[str], wide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: cli/common/inert.py, any of its uses."""
    if wide:
        monkeypatch.setenv("COLUMNS", wide)
    at = 2 if words[0] == "branch" else 1
    done = run(*words[:at], url, *words[at:])
    assert done.code in (0, 1, 2)
    allowed = "\n\t" if not wide else "\n"
    for text in (done.out, done.err):
        bad = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf") and letter not in allowed}
        assert bad == set()
    assert done.out or done.err or words[0] == "repair"


def test_programs_get_every_character(run: Run, url: str) -> None:
    (row,) = json.loads(run("list", url, "--json").out)
    assert (row["session_id"], row["title"], row["metadata"]) == (_ID, _EVIL, {_EVIL: _EVIL})
    first = json.loads(run("show", url, _ID, "--raw").out.splitlines()[0])
    assert first == {"role": "user", "content": _EVIL}


def test_markup_of_rich_is_text(run: Run, url: str) -> None:
    assert "[bold]red[/bold] :smile:" in run("show", url, _ID).out
    assert "[red]" in run("list", url).out


@given(json_values())
def test_json_is_inert_and_says_the_same(value: Any) -> None:
    for is_ascii in (False, True):
        text = json_of(value, is_ascii=is_ascii)
        assert json.loads(text) == value
        assert all(letter.isprintable() for letter in text)


@given(st.text())
def test_lines_and_escapes_are_inert(text: str) -> None:
    assert escaped(text).isprintable()
    assert all(line.isprintable() for line in lines_of(text))
    assert line_of(text).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:{}@db.example.com/chats",
        "postgresql+asyncpg://:{}@db.example.com:5432/chats?sslmode=require",
        "mysql://me:{}@127.0.0.1/chats",
        "postgresql:///chats?host=/run&user=me&password={}",
        "postgresql:///chats?password={}&host=/run",
    ],
)
@pytest.mark.parametrize("password", ["s3cret", "s3/c@r:e?t", "s3#cret", "%73ecret"])
def test_passwords_in_urls_are_hidden(url: str, password: str) -> None:
    """Fails without: cli/common/inert.py, either of its two patterns."""
    shown = without_secrets(f"no such thing: {url.format(password)!r}. See --help.")
    assert password not in shown
    assert "***" in shown
    assert shown.startswith("no such thing: ")


def test_urls_without_a_password_stay() -> None:
    for url in ("postgresql://user@host/database", "sqlite:////srv/chat.db", "env:DATABASE_URL"):
        assert without_secrets(f"write {url}") == f"write {url}"

"""A database as an operator finds it, and ways to run commands on it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from sessions import generate_key, open_store
from sessions.cli.commands import COMMANDS
from sessions.cli.common.running import run as run_command

CANARY = "canary-in-a-message"
"""In each content of an encrypted session."""


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


class Run(Protocol):
    """Runs a command in this process."""

    def __call__(self, *arguments: object) -> Done: ...


class Chats(NamedTuple):
    """A database with two sessions.

    Attributes:
        path: The file. ``plain`` has three turns, one of them undone, a branch, usage and info. ``secret`` is
            encrypted.
        key: The file with the key.
    """

    path: Path
    key: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("SESSIONS_KEY", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run_here(*arguments: object) -> Done:
        code = run_command(COMMANDS, [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run_here


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Chats:
    """Return the database that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("chats")
    found = Chats(folder / "chats.db", folder / "current.key")
    found.key.write_text(generate_key())
    asyncio.run(_fill(found))
    return found


@pytest.fixture
def chats(written: Chats, tmp_path: Path) -> Chats:
    return Chats(*(Path(shutil.copy(path, tmp_path)) for path in written))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


async def _fill(chats: Chats) -> None:
    async with open_store(chats.url) as store:
        plain = store.session("plain", owner=("acme", "ann"))
        await plain.add_items([user("Where to?"), answer("To the sea.")])
        await plain.add_items(
            [
                user("How?"),
                {"type": "function_call", "call_id": "c1", "name": "find_route", "arguments": '{"to": "sea"}'},
                {"type": "function_call_output", "call_id": "c1", "output": "train"},
                answer("By train."),
            ]
        )
        await plain.add_items([user("How cold is it?"), answer("Very.")])
        await plain.undo()
        await plain.branches.create("draft", turn=2)
        await plain.usage.record(input_tokens=1000, output_tokens=200, model="gpt-5", agent="guide")
        await plain.set_info(title="A trip", tags=["travel"], metadata={"seats": 2})
    async with open_store(chats.url, encryption_key=chats.key.read_text()) as store:
        secret = store.session("secret")
        await secret.add_items([user(f"{CANARY} 1"), answer(f"{CANARY} 2")])
        await secret.set_info(title=f"{CANARY} 3", tags=[f"{CANARY} 4"])

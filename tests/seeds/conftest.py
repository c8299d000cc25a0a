from __future__ import annotations

import ast
import gc
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from agents import MultiProvider, set_tracing_disabled
from agents.testing import ScriptedModel

from tests.life.quiet import collect_for_others
from tests.pages import blocks
from tests.runner.dialogue import says

if TYPE_CHECKING:
    from tests.sql.servers import Postgres

RunBlock: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]

_TO_OURS = {
    "from agents import Agent, Runner, SQLiteSession": "from agents import Agent, Runner\nfrom sessions import *",
    "from agents import SQLiteSession": "from sessions import *",
    "from agents.extensions.memory import AdvancedSQLiteSession": "from sessions import *",
    "from agents.extensions.memory import EncryptedSession, SQLAlchemySession": "from sessions import *",
    "from agents.extensions.memory import EncryptedSession": "from sessions import *",
    "from agents.extensions.memory import SQLAlchemySession": "from sessions import *",
}
_ON_A_SERVER = {
    'SQLiteSession("user_123", "conversations.db")':
        'SQLAlchemySession.from_url("user_123", url=URL, create_tables=True)',
    'AdvancedSQLiteSession(\n    session_id="user_123",\n    db_path="conversations.db",':
        'AdvancedSQLAlchemySession.from_url(\n    session_id="user_123",\n    url=URL,',
}  # fmt: skip
_URLS = ('"postgresql+asyncpg://user:pass@localhost/db"', '"sqlite+aiosqlite:///conversations.db"')


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    """The model of all agents that name none: it answers "Answer 1", "Answer 2" …"""
    set_tracing_disabled(disabled=True)
    scripted = ScriptedModel([[says(f"Answer {number}")] for number in range(1, 10)])
    monkeypatch.setattr(MultiProvider, "get_model", lambda *_: scripted)
    return scripted


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database; that of SQLite is the lesson's file."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/conversations.db"
    server: Postgres = request.getfixturevalue("postgres")
    return str(request.getfixturevalue("lend")(server))


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """A test of another folder meets nothing that a lesson left open, nor the other way round.

    This runs after the event loop.
    """
    collect_for_others()
    yield
    gc.collect()


@pytest.fixture
def run_block(url: str, model: ScriptedModel) -> RunBlock:
    """Runs a lesson's block, by its number from 1, with our sessions on a database, or as it is with the SDK's."""
    del model

    async def run(
        lesson: str, number: int, known: dict[str, Any] | None = None, *, ours: bool = True
    ) -> dict[str, Any]:
        page = Path(__file__).with_name(lesson)
        line, block = list(blocks(str(page), "python").items())[number - 1]
        for printed, meant in {**_TO_OURS, **(_ON_A_SERVER if "postgresql" in url else {})}.items() if ours else ():
            block = block.replace(printed, meant)
        for printed in _URLS:
            block = block.replace(printed, "URL")
        variables = {} if known is None else known
        variables["URL"] = url if ours else "sqlite+aiosqlite:///conversations-of-the-sdk.db"
        code = compile("\n" * line + block, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waiting = eval(code, variables)  # noqa: S307 - a block of our own page.
        if waiting is not None:
            await waiting
        return variables

    return run

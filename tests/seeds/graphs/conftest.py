from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from tests.pages import blocks

if TYPE_CHECKING:
    from tests.sql.servers import Postgres

RunBlock: TypeAlias = Callable[..., Any]

_THEIRS = re.compile(r"from langgraph\.(checkpoint|store)\.(memory|sqlite|postgres|serde)[.\w]* import")
_LEFT_OUT = re.compile(r"^# \.\.\. .*$", re.MULTILINE)
_URL = re.compile(r'"postgresql(\+asyncpg)?://[^"]*"')


@pytest.fixture
def server_url(postgres: Postgres, lend: Callable[[Postgres], str]) -> str:
    """The URL of a database on Postgres."""
    return lend(postgres)


@pytest.fixture(params=["sqlite", "postgres"])
def on_a_server(request: pytest.FixtureRequest) -> str:
    """The URL of a database on Postgres, by which a lesson's path is replaced; empty where the path stays."""
    return request.getfixturevalue("server_url") if request.param == "postgres" else ""


@pytest.fixture
def run_block() -> RunBlock:
    """Runs a lesson's block, by its number from 1, with our savers and stores, or as it is with LangGraph's.

    `url` stands for each URL of a database; with `instead`, for each path of one, too. `left_out` is the code for which
    a lesson has a comment between dots.
    """

    def run(
        lesson: str,
        number: int,
        known: dict[str, Any] | None = None,
        *,
        url: str = "",
        instead: bool = False,
        left_out: str = "",
        replacing: Mapping[str, str] | None = None,
        ours: bool = True,
    ) -> dict[str, Any]:
        page = Path(__file__).with_name(lesson)
        line, block = list(blocks(str(page), "python").items())[number - 1]
        if ours:
            block = _THEIRS.sub("from sessions.adapters.langgraph import", block)
            block = _URL.sub("URL", block)
        if instead:
            block = re.sub(r'SqliteSaver\.from_conn_string\("[^"]*"', "PostgresSaver.from_conn_string(URL", block)
            block = block.replace("import SqliteSaver", "import PostgresSaver")
        if left_out:
            block = _LEFT_OUT.sub(lambda _: left_out, block)
        for printed, meant in (replacing or {}).items():
            block = block.replace(printed, meant)
        variables = {} if known is None else known
        variables["URL"] = url
        exec(compile("\n" * line + block, str(page), "exec", dont_inherit=True), variables)  # noqa: S102 - a block of our own page.
        return variables

    return run

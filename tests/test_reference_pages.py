"""The pages for reference are complete and true: their programs run, and their tables name what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from sessions import Branches, Memories, Store, errors
from sessions.encrypted import EncryptedLogSession
from sessions.session.usage.usage import SessionUsage
from tests.pages import run_page

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCS = Path(__file__).parents[1] / "docs"
_ERRORS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _cells(page: str) -> Iterator[list[str]]:
    for line in (_DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def test_each_error_has_one_row_with_a_status() -> None:
    rows = [cells for cells in _cells("errors.md") if len(cells) == 3 and cells[1].isdigit()]
    assert sorted(cells[0] for cells in rows) == sorted(
        f"`{name}`" for name, kind in _ERRORS.items() if not issubclass(kind, Warning)
    )


async def test_the_code_gives_the_statuses_of_the_table() -> None:
    page: dict[str, Any] = {}
    await run_page("errors.md", page)
    for name, status, _ in (cells for cells in _cells("errors.md") if len(cells) == 3 and cells[1].isdigit()):
        kind = _ERRORS[name.strip("`")]
        assert page["status_of"](kind("x")) == int(status), name


async def test_the_handler_answers_with_the_status_and_the_reason() -> None:
    page: dict[str, Any] = {}
    await run_page("errors.md", page)
    with TestClient(page["app"]) as client:
        answer = client.post("/user_9/undo")
    assert answer.status_code == 404
    assert answer.json()["error"] == "TurnNotFoundError"
    assert "user_9" in answer.json()["detail"]


async def test_the_conversation_is_read_and_removed_as_the_page_says() -> None:
    await run_page("methods.md", {})


async def test_the_examples_of_choosing_run() -> None:
    page: dict[str, Any] = {}
    await run_page("choosing.md", page)
    await page["store"].close()
    await page["other"].close()
    page["session"].close()


_OWNERS: dict[str, type] = {
    "": EncryptedLogSession,
    "store": Store,
    "branches": Branches,
    "usage": SessionUsage,
    "memories": Memories,
}
# Explained elsewhere: they are no methods.
_ATTRIBUTES = {"session_id", "session_settings", "branches", "usage", "memories"}


def _named_methods() -> set[tuple[str, str]]:
    """Return the owners and names of all methods in the tables of the page on methods."""
    first = "\n".join(cells[0] for cells in _cells("methods.md"))
    return {(owner, name) for owner, name in re.findall(r"`(?:(store|branches|usage|memories)\.)?(\w+)(?=[(`])", first)}


def test_each_method_of_the_tables_exists() -> None:
    missing = [(owner, name) for owner, name in sorted(_named_methods()) if not hasattr(_OWNERS[owner], name)]
    assert missing == []


def test_the_tables_have_every_method() -> None:
    named = _named_methods()
    public = {(owner, name) for owner, kind in _OWNERS.items() for name in dir(kind) if not name.startswith("_")}
    assert {(owner, name) for owner, name in public - named if name not in _ATTRIBUTES} == set()

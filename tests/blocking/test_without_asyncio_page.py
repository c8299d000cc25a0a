"""docs/without-asyncio.md, executed as it stands: its blocks are one program, which runs without an event loop."""

from __future__ import annotations

import ast
import asyncio
import io
import json
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings
from django.test import RequestFactory

from sessions import blocking
from tests.pages import all_blocks, run_block

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAGE = "without-asyncio.md"


@pytest.fixture
def loop() -> Iterator[None]:
    """Close the event loop that `Runner.run_sync` uses, which it leaves open."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: None) -> dict[str, Any]:
    """Run the page, compare what it prints, and return its variables."""
    del loop
    monkeypatch.chdir(tmp_path)
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    known: dict[str, Any] = {}
    output = io.StringIO()
    for language, text, line in all_blocks(_PAGE):
        if language == "python":
            assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Await)]
            with redirect_stdout(output), pytest.raises(StopIteration):
                run_block(_PAGE, line, text, known).send(None)  # Nothing in it waits, so it is done at once.
        elif language == "text":
            assert output.getvalue() == text, f"line {line + 1}"
            output.seek(0)
            output.truncate()
    return known


def test_the_page_says_what_happens_and_its_views_answer(page: dict[str, Any]) -> None:
    """Its blocks print what the page says: `printed=True` for one without an event loop."""
    requests = RequestFactory()

    def post(view: str, chat: str, user: str, **form: str) -> tuple[int, Any]:
        request = requests.post("/", form)
        request.user = type("User", (), {"get_username": lambda _: user})()
        answer = page[view](request, chat)
        return answer.status_code, json.loads(answer.content)

    assert post("ask", "c", "ann", question="Where is Bodø?")[0] == 200
    with pytest.raises(blocking.OwnerError):
        post("undo", "c", "bob")
    status, answer = post("undo", "c", "ann")
    assert status == 200
    assert [item["role"] for item in answer["items"]] == ["user", "assistant"]
    status, answer = post("undo", "c", "ann")
    assert status == 404
    assert "Cannot undo" in answer["error"] or "undo" in answer["error"]
    page["chats"].close()
    page["session"].aclose()

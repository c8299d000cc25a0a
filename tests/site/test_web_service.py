"""docs/web-service.md: its blocks are one service, which a real server runs and a real client talks to."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
from agents.testing import ModelStep, ScriptedModel, assistant_message
from openai.types.responses import ResponseTextDeltaEvent

from tests.pages import run_page
from tests.sql.servers import free_port

from .serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest


async def test_the_service_does_what_the_page_shows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the page's own prepared answers, as there is no key."""
    del folder
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    port = free_port()
    known: dict[str, Any] = {}
    with ExitStack() as until_the_end:

        def serve(block: str) -> None:
            if "exception_handler" in block:
                until_the_end.enter_context(serving(known["app"], port))

        replacing = {"127.0.0.1:8000": f"127.0.0.1:{port}"}
        await run_page("web-service.md", known, after=serve, printed=True, replacing=replacing)
        # A server closes the connection of a request that failed, so each has one of its own.
        each = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-User": "ann"}, limits=each) as ann:
            _refuses_bad_requests(ann)
            _tells_that_a_model_failed(ann, known["agent"])
            _frees_the_chat_of_a_client_that_left(ann, known["agent"])


def _refuses_bad_requests(ann: httpx.Client) -> None:
    bad: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/chats/trip?limit=-1", {}),
        ("GET", "/chats/trip?limit=100000", {}),
        ("GET", "/chats/trip?before=-5", {}),
        ("GET", f"/chats/trip?before={10**30}", {}),
        ("GET", "/chats?after=abc", {}),
        ("GET", "/chats", {"headers": {"X-User": ""}}),
        ("GET", "/chats/%00", {}),
        ("GET", f"/chats/{'a' * 201}", {}),
        ("PUT", "/chats/trip/turns/0", {"json": {"text": "Where?"}}),
        ("PUT", f"/chats/trip/turns/{10**30}", {"json": {"text": "Where?"}}),
        ("POST", "/chats/trip/turns/-1/regenerate", {}),
        ("POST", "/chats/trip", {"json": {"text": ""}}),
        ("POST", "/chats/trip", {"content": b'{"text": "\\ud800"}'}),
        ("PATCH", "/chats/trip", {"json": {"title": "a" * 5000}}),
        ("PATCH", "/chats/trip", {"json": {"title": "a\0b"}}),
    ]
    for method, url, more in bad:
        assert ann.request(method, url, **more).status_code == 422, (method, url[:80])
    assert ann.post("/chats/trip/turns/9/regenerate").status_code == 404


def _tells_that_a_model_failed(ann: httpx.Client, agent: Any) -> None:
    agent.model = ScriptedModel([ConnectionError("down"), ConnectionError("down")])
    response = ann.post("/chats/broken", json={"text": "Where?"})
    assert (response.status_code, response.json()) == (500, {"error": "try again later"})
    with ann.stream("POST", "/chats/broken/stream", json={"text": "Where?"}) as streamed:
        assert list(streamed.iter_lines()) == ["event: failed", "data: true", ""]
    assert ann.get("/chats/broken").json() == []


def _frees_the_chat_of_a_client_that_left(ann: httpx.Client, agent: Any) -> None:
    left = threading.Event()

    async def think(call: object) -> AsyncIterator[Any]:
        del call
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta", delta="Well", content_index=0, item_id="1", logprobs=[], output_index=0,
            sequence_number=0,
        )  # fmt: skip
        try:
            await asyncio.sleep(600)
        finally:
            left.set()

    agent.model = ScriptedModel([ModelStep(stream_events=think), [assistant_message("Here.")]])
    with ann.stream("POST", "/chats/left/stream", json={"text": "Where?"}) as streamed:
        assert next(streamed.iter_lines()) == 'data: "Well"'
    assert left.wait(60)
    while (answer := ann.post("/chats/left", json={"text": "And where?"})).status_code == 409:
        assert "error" in answer.json()
    assert answer.json() == {"answer": "Here."}
    assert [message["text"] for message in ann.get("/chats/left").json()] == ["And where?", "Here."]

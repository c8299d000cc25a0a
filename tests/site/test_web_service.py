"""docs/web-service.md: its blocks are one service, which a real server runs and a real client talks to."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tests.pages import run_page
from tests.sql.servers import free_port

from .serving import serving

if TYPE_CHECKING:
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
    assert known["response"].status_code == 404

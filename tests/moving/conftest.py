"""A local server of hosted conversations."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from openai import AsyncOpenAI

from tests.site.serving import serving

from .hosted_server import Conversations

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hosted() -> Iterator[tuple[Conversations, AsyncOpenAI]]:
    """A server of hosted conversations, and a client of it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    conversations = Conversations()
    with serving(conversations.app(), port):
        yield (
            conversations,
            AsyncOpenAI(api_key="unused", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0),
        )

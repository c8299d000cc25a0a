"""A web application behind a real server."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving(app: Any, port: int) -> Iterator[None]:
    """Serve an application from another thread until the block ends."""
    config = uvicorn.Config(app, port=port, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield
    finally:
        server.should_exit = True
        thread.join()

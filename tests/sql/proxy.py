"""A network that fails on request: a TCP proxy between a driver and its server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CHUNK = 1 << 16


class Proxy:
    """Forwards connections to a server on this machine.

    Attributes:
        port: Where it listens.
        refusing: New connections end at once.
        losses: Answers lost so far.
        swallowing: Nothing is forwarded any more, in either direction, and nobody is told.
        shutting_down: So many new connections are told what a Postgres says that is shutting down.
    """

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.refusing = False
        self.losses = 0
        self.shutting_down = 0
        self._to_port = to_port
        self._marker = b""
        self._times = 0
        self._after = 0
        self.swallowing = False
        self._forwarded = True
        self._silently = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def lose_answer_to(self, marker: bytes, times: int = 1, *, after: int = 0, silently: bool = False) -> None:
        """The next requests with `marker` in them, `after` so many, reach the server, and the answer gets lost.

        The first byte of the answer is waited for: what the server does before it answers has been done. Then the
        connection ends; silently, it stays open for ever, and nothing passes.
        """
        self._marker, self._times, self._after, self._forwarded, self._silently = marker, times, after, True, silently

    def lose_request(self, marker: bytes, times: int = 1) -> None:
        """The next requests with `marker` in them do not reach the server: the connection ends first."""
        self._marker, self._times, self._after, self._forwarded = marker, times, 0, False

    def cut(self) -> None:
        """End all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def end(self) -> None:
        """End all connections, and wait until they are."""
        self.refusing = True
        self.cut()
        while self._serving:
            await asyncio.wait(self._serving)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        if self.shutting_down:
            self.shutting_down -= 1
            await _say_shutting_down(reader, writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._writers |= both
        losing = asyncio.Event()
        try:
            # The first direction to end ends the other.
            tasks = [
                asyncio.ensure_future(self._forward_requests(reader, server_writer, losing)),
                asyncio.ensure_future(self._forward_answers(server_reader, writer, losing)),
            ]
            _, unfinished = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for end in both:
                end.transport.abort()
            self._writers -= both

    async def _forward_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                if self._times and self._marker in data and self._after:
                    self._after -= 1
                    writer.write(data)
                elif self._times and self._marker in data:
                    self._times -= 1
                    self.losses += 1
                    if not self._forwarded:
                        return
                    losing.set()
                    writer.write(data)
                elif not (self.swallowing or losing.is_set()):
                    writer.write(data)
                await writer.drain()

    async def _forward_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                if losing.is_set():
                    if not self._silently:
                        return
                elif not self.swallowing:
                    writer.write(data)
                await writer.drain()


async def _say_shutting_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak as Postgres does, https://www.postgresql.org/docs/current/protocol-message-formats.html."""
    if (await reader.readexactly(8))[4:] == (80877103).to_bytes(4, "big"):  # SSLRequest
        writer.write(b"N")
        await reader.readexactly(8)
    fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is shutting down\0\0"
    writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
    await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy to a server on this machine."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()

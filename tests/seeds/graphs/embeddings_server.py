"""A server on this machine that speaks the embeddings API of OpenAI (its API reference, "Create embeddings").

Texts that share parts of words are near each other: each run of three letters has a place in the vector.
"""

from __future__ import annotations

import base64
import json
import threading
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from struct import pack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def embedded(text: str, dims: int) -> list[float]:
    """Return a text's vector."""
    vector = [0.0] * dims
    letters = text.lower()
    for start in range(len(letters) - 2):
        vector[zlib.crc32(letters[start : start + 3].encode()) % dims] += 1.0
    return vector


class _Handler(BaseHTTPRequestHandler):
    asked: list[list[str]]

    def do_POST(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts = [wanted["input"]] if isinstance(wanted["input"], str) else wanted["input"]
        type(self).asked.append(texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(embedded(text, 1536), wanted)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = json.dumps({"object": "list", "model": wanted["model"], "data": data, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the class above
        """Say nothing."""


def _encoded(vector: list[float], wanted: dict[str, Any]) -> Any:
    if wanted.get("encoding_format") == "base64":
        return base64.b64encode(pack(f"<{len(vector)}f", *vector)).decode()
    return vector


@contextmanager
def embeddings_server() -> Iterator[tuple[str, list[list[str]]]]:
    """Run the server; yield its URL and the list of what it was asked for."""
    asked: list[list[str]] = []
    handler = type("Handler", (_Handler,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()
            thread.join()

"""A server that speaks OpenAI's API for hosted conversations, as far as the OpenAI Agents SDK's session uses it.

As the real one does: it gives items ids and states, writes texts as lists of parts, takes up to 20 items a request and
returns pages.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST = 20
_PARTS = {"user": "input_text", "system": "input_text", "developer": "input_text", "assistant": "output_text"}
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}


class Conversations:
    """Conversations in memory.

    Attributes:
        items: The items of each conversation, by its id.
        requests: How many items each request to add some had.
        fails_after: The number of these requests after which the server fails.
    """

    def __init__(self) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[int] = []
        self.fails_after = 1 << 30
        self._numbers = count(1)

    def app(self) -> Starlette:
        """Return the application."""
        one = "/v1/conversations/{conversation}"
        return Starlette(
            routes=[
                Route("/v1/conversations", self.create, methods=["POST"]),
                Route(one, self.delete, methods=["DELETE"]),
                Route(f"{one}/items", self.add, methods=["POST"]),
                Route(f"{one}/items", self.list, methods=["GET"]),
                Route(f"{one}/items/{{item}}", self.remove, methods=["DELETE"]),
            ]
        )

    async def create(self, request: Request) -> JSONResponse:
        del request
        conversation = f"conv_{next(self._numbers)}"
        self.items[conversation] = []
        return JSONResponse(_about(conversation))

    async def delete(self, request: Request) -> JSONResponse:
        conversation = request.path_params["conversation"]
        del self.items[conversation]
        return JSONResponse({"id": conversation, "object": "conversation.deleted", "deleted": True})

    async def add(self, request: Request) -> JSONResponse:
        given = (await request.json())["items"]
        if len(self.requests) == self.fails_after:
            return JSONResponse({"error": {"message": "no capacity", "type": "server_error"}}, 500)
        if len(given) > _MOST:
            return JSONResponse({"error": {"message": "too many items", "type": "invalid_request_error"}}, 400)
        self.requests.append(len(given))
        for item in given:
            if "role" in item and item.get("id"):
                return JSONResponse({"error": {"message": "unknown id", "type": "invalid_request_error"}}, 400)
        kept = [self._kept(item) for item in given]
        self.items[request.path_params["conversation"]] += kept
        return JSONResponse(_page(kept, more=False))

    async def list(self, request: Request) -> JSONResponse:
        query = request.query_params
        items = self.items[request.path_params["conversation"]][:: 1 if query.get("order") == "asc" else -1]
        ids = [item["id"] for item in items]
        first = ids.index(query["after"]) + 1 if "after" in query else 0
        size = int(query.get("limit", _MOST))
        return JSONResponse(_page(items[first : first + size], more=first + size < len(items)))

    async def remove(self, request: Request) -> JSONResponse:
        conversation, item = request.path_params["conversation"], request.path_params["item"]
        self.items[conversation] = [one for one in self.items[conversation] if one["id"] != item]
        return JSONResponse(_about(conversation))

    def _kept(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item as the server keeps it."""
        kept = {"type": "message", **item} if "role" in item else dict(item)
        kept.setdefault("id", f"{_PREFIXES.get(kept['type'], 'item')}_{next(self._numbers)}")
        kept["status"] = "completed"
        if isinstance(kept.get("content"), str):
            part: dict[str, Any] = {"type": _PARTS[kept["role"]], "text": kept["content"]}
            if kept["role"] == "assistant":
                part |= {"annotations": [], "logprobs": []}
            kept["content"] = [part]
        return kept


def _about(conversation: str) -> dict[str, Any]:
    return {"id": conversation, "object": "conversation", "created_at": 1_800_000_000, "metadata": {}}


def _page(items: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    ids = [item["id"] for item in items]
    return {
        "object": "list", "data": items, "has_more": more, "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
    }  # fmt: skip

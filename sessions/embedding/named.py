"""Embedding models that have names: ``local``, ``openai:NAME``, and any ``provider:model`` of LangChain.

Nothing is loaded before the first text is embedded.
"""

from __future__ import annotations

import threading
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from sessions.embedding.embedder import Embedder
from sessions.errors import EmbeddingError

if TYPE_CHECKING:
    from collections.abc import Callable

_OPENAI_BATCH: Final = 512
"""Of the 2,048 texts that OpenAI takes in one request: long ones have to fit into its limit of tokens."""

_lock: Final = threading.Lock()


def named_embedder(name: str) -> Embedder:
    """Return the embedder of a model by its name.

    Raises:
        ValueError: The text names no model.
        ImportError: A package that it needs is missing.
    """
    if name == "local":
        _need("wordllama", name, 'pip install "agent-session-store[local]"')
        from sessions.embedding.local import BATCH, DIMS, MODEL, embed_locally  # noqa: PLC0415 - if it is wanted

        return Embedder(documents=embed_locally, name=MODEL, dims=DIMS, batch=BATCH)
    provider, colon, model = name.partition(":")
    if not (provider and colon and model):
        raise ValueError(
            f'embed is {name!r}, which names no model. Nothing was opened. Pass "local", "openai:NAME", or '
            '"provider:model".'
        )
    if provider == "openai" and find_spec("openai") is not None:
        return Embedder(documents=partial(_embed_with_openai, model), name=name, batch=_OPENAI_BATCH)
    _need("langchain", name, f"pip install langchain langchain-{provider}")
    made = _once(partial(_langchain, name))
    return Embedder(
        documents=lambda texts: made().embed_documents(texts), query=lambda text: made().embed_query(text), name=name
    )


def _need(package: str, name: str, remedy: str) -> None:
    if find_spec(package) is None:
        raise ImportError(f"embed={name!r} needs the package {package}. Nothing was opened. Install it: {remedy}")


def _embed_with_openai(model: str, texts: list[str]) -> list[list[float]]:
    """Embed with OpenAI's client, which takes its key and address from its own variables of the environment."""
    answer = _openai().embeddings.create(model=model, input=texts)
    return [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]


@cache
def _openai() -> Any:
    # The blocking client: it may be used from any thread, and belongs to no event loop.
    return import_module("openai").OpenAI()


def _langchain(name: str) -> Any:
    try:
        return import_module("langchain.embeddings").init_embeddings(name)
    except Exception as error:
        # Its text may hold the key of an account.
        provider = name.partition(":")[0]
        raise EmbeddingError(
            f"embedding model {name!r} could not be made by LangChain: {type(error).__name__}. Nothing was changed. "
            f"See this error's cause; the provider's package is usually called langchain-{provider}."
        ) from error


def _once(make: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that makes something at its first call, in any thread."""
    made: list[Any] = []

    def get() -> Any:
        with _lock:
            if not made:
                made.append(make())
        return made[0]

    return get

"""Which embedding model a user means by the argument ``embed``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.embedding.embedder import Embedder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.embedding.embedder import Embed


def embedder_of(embed: Embed) -> Embedder:
    """Return the embedder that a user means.

    Raises:
        TypeError: The argument is nothing that embeds.
        ValueError: It is a text that names no model.
        ImportError: A package that it needs is missing.
    """
    if isinstance(embed, Embedder):
        return embed
    if isinstance(embed, str):
        # Only a model given by its name needs it.
        from sessions.embedding.named import named_embedder  # noqa: PLC0415

        return named_embedder(embed)
    if callable(getattr(embed, "embed_documents", None)) and callable(getattr(embed, "embed_query", None)):
        return of_langchain(embed)
    if not callable(embed):
        raise TypeError(
            f"embed must embed texts, but is of type {type(embed).__name__}. Nothing was opened. Pass a function from "
            'a list of texts to their vectors, LangChain\'s Embeddings, an Embedder, or a name such as "local".'
        )
    return Embedder(documents=embed)


def of_langchain(embeddings: Any, name: str = "") -> Embedder:
    """Return the embedder of LangChain's ``Embeddings``.

    Its asynchronous methods are called where its class has its own. The base class's run the others in the event loop's
    threads, which the end of a program waits for, even if they hang.
    """
    return Embedder(
        documents=_own(embeddings, "aembed_documents", "embed_documents"),
        query=_own(embeddings, "aembed_query", "embed_query"),
        name=name or _langchain_name(embeddings),
    )


def _own(embeddings: Any, asynchronous: str, blocking: str) -> Callable[..., Any]:
    defined = getattr(type(embeddings), asynchronous, None)
    inherited = defined is None or getattr(defined, "__module__", "") == "langchain_core.embeddings.embeddings"
    found: Callable[..., Any] = getattr(embeddings, blocking if inherited else asynchronous)
    return found


def _langchain_name(embeddings: Any) -> str:
    kind = type(embeddings)
    model = next(
        (found for at in ("model", "model_name") if isinstance(found := getattr(embeddings, at, None), str)), ""
    )
    return f"{kind.__qualname__}:{model}" if model else f"{kind.__module__}.{kind.__qualname__}"

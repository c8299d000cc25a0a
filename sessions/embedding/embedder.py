"""`Embedder`: an embedding model as its functions, with its name, dimensions and limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from sessions.validation import check_text, check_timeout

Vectors: TypeAlias = Sequence[Sequence[float]]
"""A vector for each text, in their order: lists of numbers, or an array of numpy with a row for each."""

EmbedTexts: TypeAlias = Callable[[list[str]], "Vectors | Awaitable[Vectors]"]
"""Returns a vector for each text. One that is not asynchronous runs in a thread of its own."""

EmbedQuery: TypeAlias = Callable[[str], "Sequence[float] | Awaitable[Sequence[float]]"]
"""Returns the vector of a search's text."""

DEFAULT_BATCH: Final = 96
"""Texts in one call: a limit of several providers."""

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds that one call may take."""

MAX_DIMS: Final = 65_536
MAX_NAME_BYTES: Final = 200
_MAX_BATCH: Final = 10_000
_MAX_TIMEOUT: Final = 3_600


class LangChainEmbeddings(Protocol):
    """The methods of LangChain's ``Embeddings`` that are called."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of texts."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a search's text."""
        ...


class Embedder(msgspec.Struct, frozen=True, kw_only=True):
    """An embedding model: functions from texts to vectors. Give it to `open_store` as ``embed``.

    Example: ``embedder = Embedder(documents=lambda texts: [[len(text), 1.0] for text in texts], name="lengths")``

    Attributes:
        documents: Returns a vector for each text of a list, in order. It may be asynchronous. One that is not runs in a
            thread, so it has to be safe to call from any.
        query: Returns the vector of a search's text, for models that tell questions from documents; by default,
            `documents` is called with it.
        name: The model's name. Vectors of models with different names are never compared. By default the module and
            name of `documents`; these are only shown, and the vector of a fixed text tells whether it is the same
            model.
        dims: The length of each vector; by default that of the first one.
        batch: The most texts in one call of `documents`.
        timeout: The seconds that one call may take.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range.
    """

    documents: EmbedTexts
    query: EmbedQuery | None = None
    name: str = ""
    dims: int | None = None
    batch: int = DEFAULT_BATCH
    timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        for name, function in (("documents", self.documents), ("query", self.query)):
            if not callable(function) and not (name == "query" and function is None):
                raise TypeError(
                    f"{name} must be a function, not {type(function).__name__}. Nothing was opened. Pass a function "
                    "that returns vectors."
                )
        name = check_text(self.name or _name_of(self.documents), "name", MAX_NAME_BYTES)
        msgspec.structs.force_setattr(self, "name", name)
        _check_count(self.dims, "dims", MAX_DIMS, optional=True)
        _check_count(self.batch, "batch", _MAX_BATCH)
        msgspec.structs.force_setattr(self, "timeout", check_timeout(self.timeout, "timeout", _MAX_TIMEOUT))


Embed: TypeAlias = "str | EmbedTexts | LangChainEmbeddings | Embedder"
"""An embedding model: ``"local"``, ``"openai:NAME"``, ``"provider:model"``, a function, LangChain's ``Embeddings``, or
an `Embedder`."""


def is_derived(name: str, function: EmbedTexts) -> bool:
    """Return whether a name is that of a function, or of the class it is a method of, and no model's own."""
    kind = type(getattr(function, "__self__", None))
    return name in (_name_of(function), f"{kind.__module__}.{kind.__qualname__}")


def _name_of(function: Any) -> str:
    inner = getattr(function, "func", function)  # Of `functools.partial`.
    named = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{named.__module__}.{named.__qualname__}"[-MAX_NAME_BYTES // 4 :]


def _check_count(value: object, name: str, most: int, *, optional: bool = False) -> None:
    if value is None and optional:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}. Nothing was opened. Pass a whole number.")
    if not 1 <= value <= most:
        raise ValueError(f"{name} must be between 1 and {most}, not {value}. Nothing was opened. Pass another number.")

"""LangGraph's settings of semantic search as those of a store of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Index: TypeAlias = "Mapping[str, Any]"
"""As ``langgraph.store.base.IndexConfig``; also with ``text_fields``, ``distance_type`` and ``hybrid``."""

_KNOWN: Final = ("dims", "embed", "fields", "text_fields", "distance_type", "hybrid", "ann_index_config", "vector_type")
_DISTANCES: Final = ("cosine", "l2", "inner_product")
"""Of vectors of unit length, as all are here, they order alike."""


def options_of_index(index: Index | None) -> dict[str, Any]:
    """Return the arguments of `open_store` that stand for ``index``.

    Raises:
        TypeError: It is not a dictionary, or has no ``embed``.
        ValueError: A setting is unknown or not allowed.
        ImportError: A package that the model needs is missing.
    """
    if index is None:
        return {}
    if not hasattr(index, "keys"):
        raise TypeError(
            f"index must be a dictionary, not {type(index).__name__}. Nothing was opened. Write "
            'index={"dims": 256, "embed": "local"}.'
        )
    if unknown := sorted(set(index) - set(_KNOWN)):
        raise ValueError(f"index has unknown settings: {', '.join(unknown)}. Nothing was opened. Leave them out.")
    if (distance := index.get("distance_type", "cosine")) not in _DISTANCES:
        raise ValueError(f"distance_type must be one of {', '.join(_DISTANCES)}, not {distance!r}. Nothing was opened.")
    if index.get("embed") is None:
        raise TypeError(
            "index has no embed, so nothing could be searched. Nothing was opened. Give it a function, LangChain's "
            'Embeddings, or a name such as "local"; or leave index out.'
        )
    fields = index.get("fields") or index.get("text_fields") or ("$",)
    return {"embed": _embedder(index), "embed_fields": tuple(fields)}


def _embedder(index: Index) -> Any:
    from msgspec.structs import replace  # noqa: PLC0415 - most stores have no index

    from sessions.embedding.choosing import embedder_of  # noqa: PLC0415 - as above

    embedder, dims = embedder_of(index["embed"]), index.get("dims")
    if dims is None or embedder.dims == dims:
        return embedder
    if embedder.dims is not None:
        raise ValueError(
            f"index has dims {dims}, but the model makes vectors of {embedder.dims} dimensions. Nothing was opened. "
            f"Write {embedder.dims}, or leave dims out."
        )
    return replace(embedder, dims=dims)

"""Vectors of an embedding model: checked, of unit length, and packed to bytes.

A stored vector has 2 bytes a dimension: IEEE 754 half precision, little endian. For unit vectors, the cosine of two is
their dot product, and rounding to half precision changes it by less than 0.001.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sessions.errors import EmbeddingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STORED: Final = np.dtype("<f2")

_SMALLEST: Final = 1e-30
"""Shorter vectors have no direction."""


def unit_vectors(found: Any, count: int, dims: int | None, model: str) -> NDArray[np.float32]:
    """Return an embedding model's answer as an array of `count` unit vectors.

    Args:
        found: The answer: lists of numbers, or an array.
        count: The number of texts.
        dims: The dimensions that the model has; any if they are not known yet.
        model: The model's name, for errors.

    Raises:
        EmbeddingError: The answer is not one vector of finite numbers a text, all of `dims` dimensions, or a vector is
            zero.
    """
    subject = f"embedding model {model!r}"
    try:
        array = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise EmbeddingError(
            f"{subject} returned something other than {count} vectors of the same length, of floats. Nothing was "
            "changed. Return a list of numbers for each text."
        ) from None
    if array.ndim != 2 or len(array) != count:  # noqa: PLR2004 - texts and dimensions
        raise EmbeddingError(
            f"{subject} returned an array of shape {array.shape} for {count} texts. Nothing was changed. Return a list "
            "of numbers for each text, in their order."
        )
    if not array.shape[1]:
        raise EmbeddingError(f"{subject} returned empty vectors. Nothing was changed. Check the model.")
    if dims is not None and array.shape[1] != dims:
        raise EmbeddingError(
            f"{subject} returned vectors of {array.shape[1]} dimensions, but has {dims}. Nothing was changed. If this "
            "is another model, give it another name."
        )
    if not np.isfinite(array).all():
        raise EmbeddingError(
            f"{subject} returned a vector with NaN or infinity. Nothing was changed. Check the model, for instance "
            "with short texts."
        )
    # Scaled first, so that squares neither overflow nor vanish.
    largest = np.abs(array).max(axis=1, keepdims=True)
    if (largest < _SMALLEST).any():
        raise EmbeddingError(
            f"{subject} returned a zero vector, which has no direction. Nothing was changed. Check the model, for "
            "instance with short texts."
        )
    array /= largest
    array /= np.linalg.norm(array, axis=1, keepdims=True)
    return array.astype(np.float32)


def pack(vectors: NDArray[np.float32]) -> bytes:
    """Return vectors as stored bytes, one behind another."""
    return vectors.astype(STORED).tobytes()


def unpack(stored: Sequence[bytes], dims: int) -> NDArray[np.float32]:
    """Return stored vectors as an array with a row each.

    Raises:
        ValueError: Some bytes are not whole vectors.
    """
    return np.frombuffer(b"".join(stored), dtype=STORED).reshape(-1, dims).astype(np.float32)

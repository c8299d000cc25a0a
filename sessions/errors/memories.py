"""Errors about memories: filters and embeddings."""

from __future__ import annotations

from sessions.errors.base import SessionsError


class InvalidFilterError(SessionsError, ValueError):
    """A filter has an unknown operator, a value that cannot be stored, or too many conditions. Nothing was read."""


class FilterTooBroadError(SessionsError):
    """A filter would look at more memories than its budget allows. Nothing was returned.

    Attributes:
        fields: The fields of the filter of which an index would help: declare one of them.
    """

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class EmbeddingError(SessionsError):
    """The embedding model failed, took too long, or returned something other than valid vectors. Nothing was changed.

    The model's own error, if it raised one, is kept as ``__cause__``.
    """

"""Cursors of pages: where a list of memories or namespaces goes on."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions.types.memories import Labels


def cursor_of(namespace: Labels, key: str | None = None) -> str:
    """Return the cursor of a memory, or of a namespace."""
    labels = namespace if key is None else (*namespace, key)
    return urlsafe_b64encode("\0".join(labels).encode()).decode().rstrip("=")


def labels_of_cursor(cursor: object) -> Labels:
    """Return the labels of a namespace's cursor; of a memory's, they end with its key.

    Raises:
        ValueError: It is not a cursor.
    """
    try:
        if not isinstance(cursor, str):
            raise TypeError  # noqa: TRY301 - all that is no cursor has one error
        labels = tuple(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("\0"))
        if not all(labels) or cursor_of(labels) != cursor:
            raise ValueError  # noqa: TRY301 - as above
    except (TypeError, ValueError):
        raise ValueError(
            "after must be the cursor of a listed memory or namespace. Nothing was read. Use after=page[-1].cursor."
        ) from None
    return labels

"""Opening a store by the URL of the fixture `anywhere`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions import open_store

if TYPE_CHECKING:
    from sessions import Store


def open_at(url: str, **options: Any) -> Store:
    """Return a store, whose tables are made on servers, too."""
    return open_store(url, **options) if url.startswith("sqlite:") else open_store(url, create_tables=True, **options)

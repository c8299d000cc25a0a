"""What the tests of this folder use; the databases are in ../conftest.py, as others use them, too."""

from __future__ import annotations

from .network import network, postgres_network

__all__ = ["network", "postgres_network"]

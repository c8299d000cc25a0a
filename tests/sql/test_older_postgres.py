"""The system's Postgres, which is older than the one of the other tests: Debian 12 has 15."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import SQLAlchemySession
from sessions.testing import EncryptedContract, HistoryContract, SessionContract

from .servers import NotInstalledError, running_postgres, system_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sessions.testing import MakeLogSession

    from .databases import Lend
    from .servers import Postgres


@pytest.fixture(scope="module")
def older_postgres(public_folder: Path, worker_id: str) -> Iterator[Postgres]:
    try:
        with running_postgres(public_folder / f"older-postgres-{worker_id}", binaries=system_postgres()) as server:
            yield server
    except NotInstalledError as error:
        pytest.skip(str(error))


@pytest.mark.variant
class _Older:
    @pytest.fixture
    def make(self, older_postgres: Postgres, lend: Lend) -> MakeLogSession:
        url = lend(older_postgres)
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestSession(_Older, SessionContract):
    """What a session promises."""


class TestHistory(_Older, HistoryContract):
    """What it promises of branches, undo and turns."""


class TestEncrypted(_Older, EncryptedContract):
    """Encryption."""

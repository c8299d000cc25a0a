from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bare_log import BareLog

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def log() -> Iterator[BareLog]:
    bare = BareLog()
    yield bare
    bare.connection.close()

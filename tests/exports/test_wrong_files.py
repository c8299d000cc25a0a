"""All damages of an export are found, and named by their line. The contract tries some of them on every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import open_store
from sessions.testing.export_damages import DAMAGES
from sessions.testing.exports import refuse_damaged

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_wrong_line_is_named_and_nothing_is_visible(tmp_path: Path, damage: str) -> None:
    async with open_store("sqlite://") as store, open_store("sqlite://") as elsewhere:
        await refuse_damaged(store, elsewhere, tmp_path, damage)

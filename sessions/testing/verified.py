"""The end of every contract: verification finds nothing."""

from __future__ import annotations

from typing import Any


async def check_verified(verified: Any) -> None:
    """Assert that verification finds nothing in a session or a store of this package.

    Example: ``await check_verified(session)``
    """
    findings = [str(finding) async for finding in verified.verify()]
    assert findings == []

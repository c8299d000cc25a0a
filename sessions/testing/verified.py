"""The end of every contract: verification finds nothing."""

from __future__ import annotations

from typing import Any


async def check_verified(session: Any) -> None:
    """Assert that verification finds nothing in a session of this package.

    Example: ``await check_verified(session)``
    """
    findings = [str(finding) async for finding in session.verify()]
    assert findings == []

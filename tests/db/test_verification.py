"""A component brings its own checks; pages, resuming, and what is missing come with the floor.

Fails without: db/verify.py, db/verification.py, `Component.verify`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.transaction import Statement
from sessions.db.verify import verify

from .key_values import KEY_VALUES, Put

if TYPE_CHECKING:
    from sessions.db import Backend
    from sessions.db.verification import Step

    from .conftest import Place

_SUBJECT = "the values"
_DAMAGE = Statement("A value that was never put.", "update {pairs} set version = 0 where name = :name")


async def _steps(backend: Backend, after: str = "") -> list[Step]:
    return [step async for step in verify(backend, [KEY_VALUES], None, _SUBJECT, after=after)]


async def _fill(backend: Backend) -> None:
    for name in ("a", "b", "c", "d", "e"):
        await backend.write(Put(name, b"1"), _SUBJECT)


async def test_nothing_is_found_in_healthy_values(place: Place) -> None:
    backend = place.backend()
    await _fill(backend)
    steps = await _steps(backend)
    assert [finding for step in steps for finding in step.findings] == []
    assert sum(step.counts.get("rows", 0) for step in steps) == 5
    assert steps[-1].after is None
    await backend.aclose()


async def test_damage_is_found_and_named(place: Place) -> None:
    backend = place.backend()
    await _fill(backend)
    await backend.write(lambda tx: tx.run(_DAMAGE, name=b"c" if place.kind == "mariadb" else "c"), _SUBJECT)
    (finding,) = [finding for step in await _steps(backend) for finding in step.findings]
    assert (finding.code, finding.table, finding.place) == ("impossible-value", "pairs", "c")
    await backend.aclose()


async def test_it_resumes_behind_any_page(place: Place) -> None:
    backend = place.backend()
    await _fill(backend)
    steps = await _steps(backend)
    for number, step in enumerate(steps[:-1]):
        assert step.after is not None
        assert await _steps(backend, step.after) == steps[number + 1 :]
    await backend.aclose()


async def test_a_missing_table_is_one_finding(place: Place) -> None:
    backend = place.backend()
    await _fill(backend)
    await backend.write(lambda tx: tx.run(Statement("Drop it.", "drop table {pairs}")), _SUBJECT)
    (finding,) = [finding for step in await _steps(backend) for finding in step.findings]
    assert (finding.code, finding.table) == ("table-missing", "pairs")
    await backend.aclose()

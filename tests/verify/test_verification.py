"""The iterator of findings: its summary, progress, resuming, keys, and arguments."""

from __future__ import annotations

import shutil
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from sessions import Finding, OwnerError, SessionClosedError, Verified, generate_key, open_store
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.planting import DAMAGES, NAME, OTHER, answer, fill, plant, user

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store


async def _all(verification: Any) -> list[Finding]:
    return [finding async for finding in verification]


async def test_the_summary_counts(anywhere: str) -> None:
    async with open_store(anywhere, **_made(anywhere)) as store:
        await fill(store)
        verification = store.verify()
        assert verification.summary == Verified()
        assert await _all(verification) == []
        summary = verification.summary
        assert (summary.sessions, summary.entries, summary.locked, summary.errors) == (2, 21, 0, 0)
        assert summary.rows > 20
        assert summary.is_whole
        assert summary.after is None


def _made(url: str) -> dict[str, Any]:
    return {} if url.startswith("sqlite") else {"create_tables": True}


async def test_findings_are_counted_by_severity(store: Store) -> None:
    await fill(store)
    await plant(store, "a branch is gone")
    await plant(store, "a payload is junk")
    verification = store.verify()
    found = await _all(verification)
    assert {finding.severity for finding in found} == {"error", "warning"}
    assert verification.summary.errors == sum(finding.severity == "error" for finding in found)
    assert verification.summary.warnings == sum(finding.severity == "warning" for finding in found)
    assert not verification.summary.is_whole


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    async with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        yield store


async def test_a_page_whose_findings_were_not_all_taken_comes_again(store: Store) -> None:
    await fill(store)
    for name in ("a payload is junk", "an entry is of another turn"):
        await plant(store, name)
    verification = store.verify()
    first = await anext(verification)
    await verification.aclose()
    assert first in await _all(store.verify(after=verification.summary.after))


async def test_progress_rises(store: Store) -> None:
    await fill(store)
    calls: list[Verified] = []
    await _all(store.verify(progress=calls.append))
    assert [call.entries for call in calls] == sorted(call.entries for call in calls)
    assert calls[-1].is_whole


async def test_without_a_key_it_tells_what_it_could_not_check(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    async with open_store(url, encryption_key=generate_key()) as store:
        await fill(store)
        await plant(store, "a payload's end is cut off")
        await plant(store, "a tip is far away")
    async with open_store(url) as store:
        verification = store.verify()
        assert {finding.code for finding in await _all(verification)} == {"tip-wrong"}
        assert verification.summary.locked == verification.summary.entries == 21


async def test_another_key_is_one_finding_for_each_session(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    async with open_store(url, encryption_key=generate_key()) as store:
        await fill(store)
    async with open_store(url, encryption_key=generate_key()) as store:
        verification = store.verify()
        found = await _all(verification)
        assert [(finding.code, finding.session_id) for finding in found] == [
            ("keys-locked", OTHER),
            ("keys-locked", NAME),
        ]
        assert verification.summary.locked == 21


async def test_plain_sessions_in_a_store_with_a_key_are_warned_of(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    async with open_store(url) as store:
        await fill(store)
    async with open_store(url, encryption_key=generate_key()) as store:
        found = await _all(store.verify())
        assert {(finding.code, finding.severity) for finding in found} == {("session-plain", "warning")}


async def test_a_key_provider_is_asked(tmp_path: Path) -> None:
    vault = KeptKeys()
    async with open_store(f"sqlite:///{tmp_path}/s.db", encryption_key=vault) as store:
        await fill(store)
        assert await _all(store.verify()) == []
        await plant(store, "a payload's end is cut off")
        assert [finding.code for finding in await _all(store.verify())] == ["payload-altered"]


async def test_a_session_is_verified_alone(store: Store) -> None:
    await fill(store)
    await plant(store, "a payload is junk")
    assert await _all(store.session(OTHER).verify()) == []
    verification = store.session(NAME).verify()
    assert [finding.session_id for finding in await _all(verification)] == [NAME]
    assert verification.summary.sessions == 1
    assert await _all(store.session("nobody's").verify()) == []


async def test_a_session_of_another_owner_is_refused(store: Store) -> None:
    await fill(store)
    with pytest.raises(OwnerError):
        await _all(store.session(NAME, owner="eve").verify())


async def test_a_place_that_is_none_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match=r"after must be the summary's after"):
        await _all(store.verify(after="nowhere"))
    with pytest.raises(ValueError, match=r"after must be the summary's after"):
        await _all(store.verify(after="entries:x"))
    for number in ("-", "9" * 19, "9" * 50):
        with pytest.raises(ValueError, match=r"after must be the summary's after"):
            await _all(store.verify(after=f"entries:{number}"))


async def test_a_setting_that_keeps_the_store_from_opening_is_found(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_store(f"sqlite:///{path}") as store:
        await fill(store)
        await plant(store, "a setting is no pair of tables")
    shutil.copy(path, tmp_path / "copy.db")  # Which no process has open, and knows.
    async with open_store(f"sqlite:///{tmp_path}/copy.db") as store:
        verification = store.verify()
        (finding,) = await _all(verification)
        assert finding.code == "unreadable"
        assert "sdk_tables" in finding.problem
        assert not verification.summary.is_whole


async def test_a_closed_store_is_refused(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    await store.close()
    with pytest.raises(SessionClosedError):
        await _all(store.verify())


async def test_an_empty_store_has_no_findings(anywhere: str) -> None:
    async with open_store(anywhere, **_made(anywhere)) as store:
        verification = store.verify()
        assert await _all(verification) == []
        assert verification.summary.is_whole


async def test_findings_say_nothing_of_contents(store: Store) -> None:
    secret = "s3cr3t-cont3nt"  # noqa: S105 - it is what must not be seen
    await fill(store)
    await store.session(NAME).add_items([user(secret), answer(secret)])
    for name, damage in DAMAGES.items():
        if damage.plain and damage.about is not None:
            await plant(store, name)
    found = await _all(store.verify())
    assert len(found) > 20
    assert not any(secret in str(finding) for finding in found)


async def _peak(store: Store) -> int:
    tracemalloc.start()
    try:
        assert await _all(store.verify()) == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_memory_does_not_grow_with_entries(store: Store) -> None:
    session = store.session("long")
    await session.add_items([user("x" * 500)] * 1_000)
    await _peak(store)
    few = await _peak(store)
    for _ in range(9):
        await session.add_items([user("x" * 500)] * 1_000)
    assert await _peak(store) < few + 300_000

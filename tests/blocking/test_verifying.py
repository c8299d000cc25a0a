"""Verification through the synchronous door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking import Verification, open_store

if TYPE_CHECKING:
    from pathlib import Path


def test_findings_are_iterated_without_await(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        session = store.session("s")
        session.add_items([{"role": "user", "content": "1"}])
        for verification in (store.verify(), session.verify()):
            assert isinstance(verification, Verification)
            assert list(verification) == []
            assert verification.summary.is_whole
            assert verification.summary.entries == 1
            verification.close()

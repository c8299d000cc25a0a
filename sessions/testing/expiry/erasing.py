"""Expiry: erasing a session, with a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.testing.expiry.shared import answer, shown, user

if TYPE_CHECKING:
    from sessions.testing.expiry_model import OpenStore


class Erasing:
    """A receipt counts what was removed."""

    async def test_a_receipt_counts_what_was_removed(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), answer("2")], idempotency_key="k")
        await session.branches.create("b")
        await session.on_branch("b").add_items([user("3")], idempotency_key="l")
        await session.undo()
        await session.usage.record(input_tokens=1)
        await store.session("other").add_items([user("4")])
        receipt = await store.erase("s")
        assert (receipt.session_id, receipt.existed, receipt.entries) == ("s", True, 3)
        # Two branches and the tip that undo left; two runs; two keys; that a branch was made and a turn undone.
        counts = (receipt.branches, receipt.segments, receipt.idempotency_keys, receipt.changes, receipt.usage)
        assert counts == (3, 2, 2, 2, 1)
        assert receipt.sdk_rows == 0
        assert [info.session_id for info in await store.sessions()] == ["other"]
        again = await store.erase("s")
        assert (again.existed, again.entries, again.usage) == (False, 0, 0)
        assert again.pending == receipt.pending == await store.scrub()
        assert await session.get_items() == []
        await session.add_items([user("5")])
        assert await shown(session) == "5"
        assert (await session.usage.total()).requests == 0

    async def test_the_bytes_wait_until_the_files_are_scrubbed(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s").add_items([user("1")])
        (pending,) = (await store.erase("s", scrub=False)).pending
        assert "store.scrub()" in pending

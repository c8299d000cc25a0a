"""Corrections: the copies that the store makes, items that were added twice, and appends that are tried again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessions.encrypted import handle_of
from sessions.errors import IdempotencyKeyReusedError, ItemKeyConflictError, UnknownEntryError
from sessions.log.statements.corrections import ADD_COPY, FORGET_COPY
from sessions.log.statements.unfinished import IS_THERE
from sessions.testing.corrections.shared import (
    SECRET,
    CorrectionFixtures,
    call,
    contents,
    holding,
    output,
    quoting,
    said,
    stored,
    user,
)

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.session.base import LogSession
    from sessions.store.store import Store


class Repeating(CorrectionFixtures):
    """One item in several entries, and one append several times."""

    @pytest.mark.parametrize("which", [0, 1])
    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_what_a_repair_wrote_again_is_corrected_on_both_ways(
        self, session: LogSession, how: str, which: int
    ) -> None:
        await session.add_items([user("1"), call("c"), user("between"), output("c"), said(SECRET), said("6")])
        assert (await session.repair(apply=True)).repaired
        found = await holding(session, SECRET)
        assert len(found) == 2
        receipt = await getattr(session, how)(id=found[which])
        assert sorted(receipt.ids) == sorted(found)
        assert await holding(session, SECRET) == []
        assert not (await session.repair()).damages
        (other,) = [way for way in await session.siblings(1) if not way.current]
        empty = " -" if how == "redact" else ""
        old = await session.items_of(other)
        assert contents(old).startswith("1 function_call")
        assert contents(await session.get_items()) == f"1 function_call function_call_output between{empty} 6"

    async def test_a_copy_of_a_copy_is_one_of_the_first(self, session: LogSession) -> None:
        await session.add_items([user("1"), output("lost"), said(SECRET)])
        await session.repair(apply=True)
        await session.add_items([call("c"), user("between"), output("c"), user(SECRET + "!")])
        await session.repair(apply=True)
        await session.undo()
        await session.add_items([output("nothing"), user("last")])
        await session.repair(apply=True)
        for text in (SECRET + "!", SECRET):
            (first, *more) = await holding(session, text)
            assert more
            await session.redact(id=more[-1])
            assert await holding(session, text) == []
            assert (await session.entry(id=first)).item["content"] == ""

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_annotations_that_a_pop_puts_back_are_copies(self, session: LogSession, how: str) -> None:
        await session.add_items([user("1"), said("2")])
        await session.handover("billing", note=SECRET)
        await session.branches.create("draft")
        await session.pop_item()
        found = await holding(session, SECRET)
        assert len(found) == 2
        assert (await getattr(session, how)(id=found[0])).entries == 2
        assert await holding(session, SECRET) == []

    async def test_a_summary_of_which_items_were_popped_is_removed_with_the_first_one(
        self, session: LogSession
    ) -> None:
        async def two(_: list[Any]) -> list[dict[str, Any]]:
            return [user(SECRET), said("then")]

        await session.add_items([user("1"), said("2")])
        await session.compact(two, keep_turns=0)
        await session.branches.create("draft")
        assert await session.pop_item() == said("then")
        found = await holding(session, SECRET)
        assert len(found) == 2
        assert (await session.remove(id=found[0])).entries == 2
        assert await holding(session, SECRET) == []
        assert contents(await session.get_items()) == "1 2"

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_items_with_one_key_are_one_item(self, session: LogSession, how: str) -> None:
        await session.add_items([user("1")])
        await session.add_items([user(SECRET)], keys=["k"])
        await session.undo()
        await session.add_items([user(SECRET)], keys=["k"])
        await session.branches.create("draft", turn=2)
        await session.on_branch("draft").add_items([user(SECRET)], keys=["k"])
        assert len(await holding(session, SECRET)) == 3
        assert (await getattr(session, how)(key="k")).entries == 3
        assert await holding(session, SECRET) == []

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_a_retry_of_the_append_changes_nothing(self, session: LogSession, how: str) -> None:
        await session.add_items([user("1"), said("2")])
        items: list[Any] = [user(SECRET), said("answer")]
        await session.add_items(items, keys=["k", None], idempotency_key="retry")
        await getattr(session, how)(key="k")
        before = await session.get_items()
        await session.add_items(items, keys=["k", None], idempotency_key="retry")
        assert await session.get_items() == before
        with pytest.raises(IdempotencyKeyReusedError):
            await session.add_items([user("other")], idempotency_key="retry")
        await session.add_items(items[:1], keys=["k"])
        await session.add_items(items[:1], keys=["k"], idempotency_key="another retry")
        assert await session.get_items() == before
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([user("other")], keys=["k"])
        if how == "remove":
            with pytest.raises(UnknownEntryError):
                await session.entry(key="k")
        else:
            assert (await session.entry(key="k")).item == user("")

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_a_repeated_delivery_brings_it_back_on_no_way(self, session: LogSession, how: str) -> None:
        """On a branch that has not seen an item, it would be added; not so if it was corrected anywhere."""
        await session.add_items([user("1")])
        await session.branches.create("draft")
        await session.add_items([user(SECRET)], keys=["k"])
        await getattr(session, how)(key="k")
        await session.undo()
        for way in (session, session.on_branch("draft")):
            await way.add_items([user(SECRET)], keys=["k"])
        assert await holding(session, SECRET) == []

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_forks_that_have_the_entry_are_listed(self, store: Store, session: LogSession, how: str) -> None:
        """Fails without: log/corrections/forks.py, `_has`."""
        await session.add_items([user("1"), said("2"), user(SECRET), said("4")], keys=[None, None, "k", None])
        name = session.session_id
        await store.fork(name, f"{name} before", at=2)
        has = await store.fork(name, f"{name} with", key="k")
        await store.fork(has.session_id, f"{name} of the fork")
        await session.undo()
        await session.add_items([user("another")])
        await store.fork(name, f"{name} beside")
        forks = (f"{name} with", f"{name} of the fork")
        assert (await getattr(session, how)(key="k")).forks == forks
        for fork in forks:
            assert (await store.session(fork).entry(key="k")).item == user(SECRET)
            await getattr(store.session(fork), how)(key="k")
            assert await holding(store.session(fork), SECRET) == []
        (way,) = [sibling for sibling in await session.siblings(2) if not sibling.current]
        assert (await session.remove(way=way)).forks == forks

    async def test_a_forks_title_goes_with_its_message(self, store: Store, session: LogSession) -> None:
        """Fails without: log/corrections/derived.py, `is_own`."""
        await session.add_items([user(SECRET), said("2")])
        fork = await store.fork(session.session_id, f"{session.session_id} fork")
        assert (await fork.info()).title == SECRET
        assert (await session.redact(1)).title
        assert (await fork.info()).title == SECRET
        assert (await fork.redact(2)).title is False
        assert (await fork.redact(1)).title is True
        assert (await fork.info()).title is None

    async def test_a_place_that_is_filled_again_is_no_copy(self, session: LogSession) -> None:
        await session.add_items([user("1"), output("lost"), said(SECRET)])
        await session.repair(apply=True)
        assert await session.pop_item() == said(SECRET)
        await session.add_items([said("another")])
        (old,) = await holding(session, SECRET)
        assert (await session.redact(id=old)).entries == 1
        assert contents(await session.get_items()) == "1 another"

    async def test_a_compaction_after_a_correction_is_a_new_one(self, session: LogSession) -> None:
        await session.add_items([user("1"), said(SECRET), user("3")])
        await session.compact(quoting)
        await session.redact(2, said("***"), summaries="drop")
        await session.compact(quoting)
        assert contents(await session.get_items()) == "[1 ***] 3"

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_a_wrong_note_leads_into_no_other_session(self, store: Store, session: LogSession, how: str) -> None:
        """Fails without: log/corrections/family.py, the look at whose an entry is."""
        theirs = store.session(f"{session.session_id}-theirs", owner="bob")
        await theirs.add_items([user("theirs")])
        await session.add_items([user("1"), user(SECRET)])
        (other,), (_, mine) = await stored(theirs), await stored(session)
        handle = handle_of(session)

        def note(tx: Transaction, *, is_there: bool) -> None:
            (number,) = tx.the(IS_THERE, session_id=session.session_id)
            place = {"session": number, "entry": mine.row.id, "version": mine.row.version}
            if is_there:
                tx.run(ADD_COPY, source=other.row.id, source_version=other.row.version, **place)
            else:
                tx.run(FORGET_COPY, **place)

        await handle.backend.write(partial(note, is_there=True), handle.subject)
        receipt = await getattr(session, how)(id=mine.id)
        assert receipt.ids == (mine.id,)
        assert await stored(theirs) == [other]
        await handle.backend.write(partial(note, is_there=False), handle.subject)

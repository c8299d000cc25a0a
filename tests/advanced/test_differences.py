"""What differs from the SDK on purpose; docs/coming-from-openai-agents.md lists it. Usage is in `test_usage`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession as SDKSession

from sessions import AdvancedSQLiteSession, SQLiteSession, TurnNotFoundError, UnknownBranchError

from .beside import Beside, assistant, turn, user

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def both(ours: AdvancedSQLiteSession, theirs: SDKSession) -> Beside:
    return Beside(ours, theirs)


def names(branches: list[dict[str, Any]]) -> list[str]:
    return [branch["branch_id"] for branch in branches]


async def test_tables_are_made_in_any_case(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="create_tables=True"):
        SDKSession(session_id="u", db_path=tmp_path / "theirs.db")

    session = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db")
    await session.add_items([user("hello")])
    session.close()
    again = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db", create_tables=False)
    assert await again.get_items() == [user("hello")]
    again.close()


async def test_one_can_branch_from_the_first_turn(both: Beside) -> None:
    await both.same("add_items", turn("a"))
    await both.same("create_branch_from_turn", 1, "anew")

    assert names(await both.ours.list_branches()) == ["main", "anew"]
    assert names(await both.theirs.list_branches()) == ["main"]
    await both.ours.switch_to_branch("main")
    await both.ours.switch_to_branch("anew")
    with pytest.raises(ValueError, match="does not exist"):
        await both.theirs.switch_to_branch("anew")
    await both.same("add_items", turn("b"))
    await both.reads("main")


async def test_a_name_is_free_again_once_its_branch_is_deleted(both: Beside) -> None:
    await both.same("add_items", [*turn("a"), *turn("b")])
    for _ in range(2):
        assert await both.ours.create_branch_from_turn(2, "what-if") == "what-if"
        await both.ours.delete_branch("what-if", force=True)
    await both.theirs.create_branch_from_turn(2, "what-if")
    await both.theirs.delete_branch("what-if", force=True)
    with pytest.raises(ValueError, match="already been used"):
        await both.theirs.create_branch_from_turn(2, "what-if")


async def test_the_current_branch_is_stored(both: Beside, tmp_path: Path) -> None:
    await both.same("add_items", [*turn("a"), *turn("b")])
    await both.same("create_branch_from_turn", 2, "what-if")

    again = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db")
    theirs_again = SDKSession(session_id="u", db_path=tmp_path / "theirs.db", create_tables=True)
    assert await again.get_items() == turn("a")
    assert len(await theirs_again.get_items()) == len([*turn("a"), *turn("b")])
    again.close()
    theirs_again.close()


async def test_what_follows_a_read_stays_on_its_branch(both: Beside, tmp_path: Path) -> None:
    """Another object switches meanwhile: neither what was read nor what is added to it moves."""
    await both.same("add_items", [*turn("a"), *turn("b")])
    other = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db")
    await both.ours.get_conversation_turns()
    await other.create_branch_from_turn(2, "what-if")

    await both.ours.add_items([assistant("on main")])

    assert (await other.get_items(branch_id="main"))[-1] == assistant("on main")
    assert await other.get_items(1) == turn("a")[-1:]
    assert await both.ours.get_items(1) == turn("a")[-1:], "a read follows the current branch"
    other.close()


async def test_reading_a_branch_by_its_name_does_not_move_there(ours: AdvancedSQLiteSession) -> None:
    await ours.add_items([*turn("a"), *turn("b")])
    await ours.create_branch_from_turn(2, "what-if")
    await ours.switch_to_branch("main")

    for read in (ours.get_items, ours.get_conversation_turns, ours.get_conversation_by_turns, ours.get_tool_usage):
        await read(branch_id="what-if")
    await ours.find_turns_by_content("a", "what-if")
    await ours.get_turn_usage(1, "what-if")
    await ours.get_session_usage("what-if")
    await ours.add_items([user("on main")])

    assert await ours.get_items(1, "main") == [user("on main")]
    assert await ours.get_items(branch_id="what-if") == turn("a")


async def test_an_object_that_stays_on_a_branch_has_these_methods_too(ours: AdvancedSQLiteSession) -> None:
    await ours.add_items([*turn("a"), *turn("b")])
    await ours.create_branch_from_turn(2, "what-if")
    pinned = ours.on_branch("main")

    assert [each["turn"] for each in await pinned.get_conversation_turns()] == [1, 2]
    assert list(await pinned.get_conversation_by_turns()) == [1, 2]
    assert await pinned.get_tool_usage() == await ours.get_tool_usage("main")
    await pinned.usage.record(input_tokens=5)
    assert await pinned.get_turn_usage() == await ours.get_turn_usage(branch_id="main") != []
    assert await ours.get_turn_usage() == []


async def test_branches_that_are_not_there_are_errors_when_they_are_read(both: Beside) -> None:
    await both.same("add_items", turn("a"))
    for method in ("get_items", "get_conversation_turns", "get_conversation_by_turns", "get_tool_usage"):
        assert not await getattr(both.theirs, method)(branch_id="nowhere")
        with pytest.raises(
            UnknownBranchError, match=r"Branch 'nowhere' does not exist in session 'u', which has 'main'"
        ):
            await getattr(both.ours, method)(branch_id="nowhere")


async def test_nothing_comes_back_to_a_branch_that_was_deleted(both: Beside, tmp_path: Path) -> None:
    await both.same("add_items", [*turn("a"), *turn("b")])
    await both.same("create_branch_from_turn", 2, "what-if")
    other = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db")
    await other.delete_branch("what-if", force=True)
    other.close()
    theirs_other = SDKSession(session_id="u", db_path=tmp_path / "theirs.db", create_tables=True)
    await theirs_other.delete_branch("what-if")
    theirs_other.close()

    await both.theirs.add_items([assistant("lost")])  # type: ignore[list-item]
    assert len(await both.theirs.get_items()) == 1, "a branch without its beginning"
    with pytest.raises(UnknownBranchError):
        await both.ours.add_items([assistant("lost")])
    assert names(await both.ours.list_branches()) == ["main"]


async def test_main_is_always_there_and_listed_first(both: Beside) -> None:
    await both.same("add_items", turn("a"))
    await both.same("clear_session")
    [main] = await both.ours.list_branches()
    assert (main["branch_id"], main["message_count"], main["is_current"]) == ("main", 0, True)
    assert await both.theirs.list_branches() == []

    await both.ours.switch_to_branch("main")
    with pytest.raises(ValueError, match="does not exist"):
        await both.theirs.switch_to_branch("main")


async def test_an_inherited_turn_is_as_old_as_what_was_said(
    both: Beside, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del tmp_path
    monkeypatch.setattr("sessions.session.adding.now", lambda: 1_700_000_000_000_000)
    await both.same("add_items", [*turn("a"), *turn("b")])
    monkeypatch.setattr("sessions.session.branches.now", lambda: 1_700_000_060_000_000)
    await both.ours.create_branch_from_turn(2, "what-if")

    [inherited] = await both.ours.get_conversation_turns()
    assert inherited["timestamp"] == "2023-11-14 22:13:20"
    assert [branch["created_at"] for branch in await both.ours.list_branches()] == [
        "2023-11-14 22:13:20",
        "2023-11-14 22:14:20",
    ]


async def test_case_does_not_matter_in_any_alphabet(both: Beside) -> None:
    await both.same("add_items", [user("GRÜSSE aus Zürich"), user([{"type": "input_text", "text": "ПРИВЕТ"}])])

    for text, number in (("grüße", 1), ("zÜrich", 1), ("привет", 2)):
        assert [each["turn"] for each in await both.ours.find_turns_by_content(text)] == [number]
        assert await both.theirs.find_turns_by_content(text) == []


async def test_the_turns_there_are_are_named(ours: AdvancedSQLiteSession) -> None:
    with pytest.raises(TurnNotFoundError, match="session 'u': branch 'main' has no turn 1; it has no turns"):
        await ours.create_branch_from_turn(1)
    await ours.add_items([*turn("a"), *turn("b")])
    with pytest.raises(TurnNotFoundError, match="branch 'main' has no turn 3; it has turns 1 to 2"):
        await ours.create_branch_from_turn(3)
    with pytest.raises(TurnNotFoundError, match=r"which has turns 1 to 2\. Nothing was changed"):
        await ours.create_branch_from_content("nobody said that")


CHAT: list[dict[str, Any]] = [
    user("weather?"),
    {
        "role": "assistant",
        "tool_calls": [{"id": number, "function": {"name": "weather", "arguments": "{}"}} for number in "12"],
    },
    {"role": "tool", "tool_call_id": "1", "content": "sun"},
    {"role": "user", "name": "bob", "content": "thanks"},
    {"type": "local_shell_call", "call_id": "3", "action": {}},
    {"type": "mcp_approval_request", "id": "4", "server_label": "files", "name": "list"},
    {"type": "function_call", "call_id": "5", "namespace": "crm", "name": "look", "arguments": "{}"},
]


async def test_calls_of_tools_in_every_shape_are_counted(both: Beside) -> None:
    await both.same("add_items", CHAT)

    assert await both.ours.get_tool_usage() == [
        ("weather", 2, 1),
        ("crm.look", 1, 2),
        ("files.list", 1, 2),
        ("local_shell_call", 1, 2),
    ]
    assert await both.theirs.get_tool_usage() == [("crm.look", 1, 2), ("files.list", 1, 2)]

    async def tools(session: AdvancedSQLiteSession | SDKSession) -> list[str | None]:
        return [each["tool_name"] for turn in (await session.get_conversation_by_turns()).values() for each in turn]

    assert await tools(both.ours) == [None, "weather,weather", None, None, "local_shell_call", "files.list", "crm.look"]
    assert await tools(both.theirs) == [None, None, None, "bob", None, "files.list", "crm.look"]


async def test_a_name_is_made_up_by_one_of_many_at_once(tmp_path: Path) -> None:
    sessions = [AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db") for _ in range(8)]
    await sessions[0].add_items([*turn("a"), *turn("b")])

    made = await asyncio.gather(*(each.on_branch("main").create_branch_from_turn(2) for each in sessions))

    assert len(set(made)) == len(sessions)
    assert set(names(await sessions[0].list_branches())) == {"main", *made}
    for session in sessions:
        session.close()


async def test_a_logger_of_ones_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = logging.getLogger("own")
    session = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "ours.db", logger=own)
    with caplog.at_level(logging.DEBUG, "own"):
        await session.add_items([user("canary"), user("b")])
        await session.create_branch_from_turn(2, "what-if")
        await session.switch_to_branch("main")
        await session.delete_branch("what-if")
    session.close()

    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("own", "session 'u': made branch 'what-if' and switched to it"),
        ("own", "session 'u': switched to branch 'main'"),
        ("own", "session 'u': deleted branch 'what-if'"),
    ]


async def test_a_plain_session_finds_the_same_conversation(ours: AdvancedSQLiteSession, tmp_path: Path) -> None:
    await ours.add_items([*turn("a"), *turn("b")])
    await ours.create_branch_from_turn(2, "what-if")
    plain = SQLiteSession("u", tmp_path / "ours.db")

    assert await plain.get_items() == turn("a")
    plain.close()


async def test_without_a_path_it_is_in_memory(tmp_path: Path) -> None:
    session = AdvancedSQLiteSession(session_id="u", session_settings={"limit": 1}, strict=True)
    await session.add_items(turn("a"))

    assert await session.get_items() == turn("a")[-1:]
    assert session.db_path == ":memory:"
    assert list(tmp_path.iterdir()) == []
    session.close()

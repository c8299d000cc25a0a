"""What is the same as in the SDK: every returned key and value. What is not is in `test_differences`."""

from __future__ import annotations

import inspect
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession as SDKSession

from sessions import AdvancedSQLAlchemySession, AdvancedSQLiteSession

from .beside import Beside, assistant, turn, user

if TYPE_CHECKING:
    from pathlib import Path

METHODS = [
    "__init__",
    "get_items",
    "store_run_usage",
    "create_branch_from_turn",
    "create_branch_from_content",
    "switch_to_branch",
    "delete_branch",
    "list_branches",
    "get_conversation_turns",
    "find_turns_by_content",
    "get_conversation_by_turns",
    "get_tool_usage",
    "get_session_usage",
    "get_turn_usage",
]


@pytest.fixture
def both(ours: AdvancedSQLiteSession, theirs: SDKSession) -> Beside:
    return Beside(ours, theirs)


@pytest.mark.parametrize("method", METHODS)
def test_signatures(method: str) -> None:
    expected = inspect.signature(getattr(SDKSession, method)).parameters.values()
    for ours in (AdvancedSQLiteSession, AdvancedSQLAlchemySession)[: 1 if method == "__init__" else 2]:
        found = [p for p in inspect.signature(getattr(ours, method)).parameters.values() if p.name != "wrapper"]
        assert [(p.name, p.kind, p.default) for p in found] == [(p.name, p.kind, p.default) for p in expected]


def test_all_of_its_public_methods_are_here() -> None:
    public = {name for name in vars(SDKSession) if not name.startswith("_")}

    assert public <= {name for name in dir(AdvancedSQLiteSession) if not name.startswith("_")}


async def test_a_conversation_with_branches(both: Beside) -> None:
    await both.reads()
    await both.same("add_items", [{"role": "system", "content": "rules"}, *turn("a")])
    await both.same("add_items", turn("b"))
    await both.same("add_items", turn("c"))
    await both.reads("main")
    assert await both.same("create_branch_from_turn", 2, "what-if") == "what-if"
    await both.reads("main", "what-if")
    await both.same("add_items", turn("x"))
    await both.same("add_items", [user("Ask the question again"), assistant("done")])
    assert await both.same("create_branch_from_content", "AGAIN", "by content") == "by content"
    await both.same("add_items", [user([{"type": "input_text", "text": "with parts"}, {"type": "input_image"}])])
    await both.reads("main", "what-if")
    await both.same("switch_to_branch", "main")
    await both.same("pop_item")
    await both.reads("what-if", "by content")
    await both.same("switch_to_branch", "what-if")
    await both.same("delete_branch", "what-if", force=True)
    await both.same("delete_branch", "by content")
    await both.reads()
    await both.same("clear_session")
    await both.same("get_items")


async def test_names_that_are_made_up(both: Beside) -> None:
    for name in "abc":
        await both.same("add_items", turn(name))
    assert str(await both.same("create_branch_from_turn", 2)).startswith("branch_from_turn_2_")
    await both.same("switch_to_branch", "main")
    assert str(await both.same("create_branch_from_content", "question c")).startswith("branch_from_turn_3_")
    await both.same("list_branches")


async def test_made_up_names_of_one_second_differ(both: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_764_000_000.5)
    for name in "ab":
        await both.same("add_items", turn(name))
    names = []
    for _ in range(3):
        names.append(await both.same("create_branch_from_turn", 2))
        await both.same("switch_to_branch", "main")

    first = "branch_from_turn_2_1764000000"
    assert names == [first, f"{first}_2", f"{first}_3"]


MISTAKES: list[tuple[Any, ...]] = [
    ("create_branch_from_turn", 3),
    ("create_branch_from_turn", 0),
    ("create_branch_from_turn", -1, "name"),
    ("create_branch_from_turn", 2, ""),
    ("create_branch_from_turn", 2, "  "),
    ("create_branch_from_turn", 2, "main"),
    ("create_branch_from_turn", 2, "taken"),
    ("create_branch_from_content", "nobody said that"),
    ("create_branch_from_content", "question", "taken"),
    ("switch_to_branch", "nowhere"),
    ("switch_to_branch", ""),
    ("delete_branch", "nowhere"),
    ("delete_branch", "nowhere", True),
    ("delete_branch", "main"),
    ("delete_branch", "main", True),
    ("delete_branch", ""),
    ("delete_branch", "taken"),
]


@pytest.mark.parametrize("call", MISTAKES, ids=str)
async def test_mistakes_are_value_errors_and_change_nothing(both: Beside, call: tuple[Any, ...]) -> None:
    await both.same("add_items", [*turn("a"), *turn("b"), *turn("c")])
    await both.same("create_branch_from_turn", 3, "taken")

    assert isinstance(await both.same(*call), tuple), "an error"

    await both.reads("main", "taken")


async def test_what_a_user_said_at_length(both: Beside) -> None:
    contents: list[Any] = [
        "x" * 100,
        "x" * 101,
        "Grüße \U0001f600" * 30,
        "",
        [{"type": "input_text", "text": "é" * 200}],
        [],
        'quotes " and \\ and %_',
    ]
    await both.same("add_items", [user(content) for content in contents])

    await both.reads()
    for text in ('"', "\\", "%_", "É", "é", "XX"):
        found = await both.ours.find_turns_by_content(text)
        expected = await both.theirs.find_turns_by_content(text)
        if text != "É":
            assert [each["turn"] for each in found] == [each["turn"] for each in expected]


TYPES: list[dict[str, Any]] = [
    {"type": "message", "role": "system", "content": "rules"},
    {"role": "developer", "content": "rules"},
    {"type": "function_call", "name": "look", "namespace": "crm", "call_id": "1", "arguments": "{}"},
    {"type": "function_call", "name": "same", "namespace": "same", "call_id": "2", "arguments": "{}"},
    {"type": "custom_tool_call", "name": "grep", "call_id": "3", "input": ""},
    {"type": "custom_tool_call_output", "call_id": "3", "output": ""},
    {"type": "mcp_call", "server_label": "files", "name": "list", "id": "4"},
    {"type": "mcp_approval_request", "server_label": "files", "name": "list", "id": "5"},
    {"type": "computer_call", "call_id": "6"},
    {"type": "file_search_call", "id": "7"},
    {"type": "code_interpreter_call", "id": "8"},
    {"type": "shell_call", "call_id": "9"},
    {"type": "apply_patch_call", "call_id": "10"},
    {"type": "tool_search_call", "id": "11"},
    {"type": "tool_search_output", "id": "11"},
    {"type": "item_reference", "id": "12"},
    {"content": "neither role nor type"},
]


@pytest.mark.parametrize("item", TYPES, ids=str)
async def test_types_and_names_of_tools(both: Beside, item: dict[str, Any]) -> None:
    await both.same("add_items", [user("go"), item, item])

    assert await both.same("get_conversation_by_turns")
    if item.get("type") not in {"mcp_approval_request", "tool_search_call", "tool_search_output"}:
        await both.same("get_tool_usage")


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_of_operations(both: Beside, seed: int) -> None:
    """What `test_differences` lists is left out: turn 1, branches that are empty, and names that come again."""
    random = Random(seed)  # noqa: S311 - no secret.
    branches, current = ["main"], "main"
    await both.same("add_items", [{"role": "system", "content": "rules"}, *turn("first")])
    for step in range(25):
        action = random.choice(["add", "add", "add", "add more", "pop", "branch", "branch", "switch", "delete"])
        items = await both.same("get_items")
        if action == "add":
            await both.same("add_items", turn(str(step)))
        elif action == "add more":
            await both.same("add_items", [assistant(f"more {step}")])
        elif action == "pop" and len(items) > 9:
            await both.same("pop_item")
        elif action == "branch":
            turns = len(await both.same("get_conversation_turns"))
            wanted = random.randint(2, turns + 1)
            made = await both.same("create_branch_from_turn", wanted, f"b{step}")
            if isinstance(made, str):
                branches.append(made)
                current = made
        elif action == "switch":
            current = random.choice(branches)
            await both.same("switch_to_branch", current)
        elif action == "delete":
            name, force = random.choice(branches), random.random() < 0.5
            await both.same("delete_branch", name, force)
            if name != "main" and (force or name != current):
                branches.remove(name)
                current = "main" if name == current else current
    await both.reads(*branches)
    assert [each["branch_id"] for each in await both.ours.list_branches()] == branches


async def test_it_opens_what_the_sdk_wrote(tmp_path: Path, theirs: Any) -> None:
    await theirs.add_items([*turn("a"), *turn("b")])
    await theirs.create_branch_from_turn(2, "what-if")
    await theirs.add_items(turn("x"))
    await theirs.switch_to_branch("main")

    with_ours = AdvancedSQLiteSession(session_id="u", db_path=tmp_path / "theirs.db")
    await Beside(with_ours, theirs).reads("main", "what-if")
    with_ours.close()


SEARCH: list[list[dict[str, Any]]] = [
    [{"type": "tool_search_call", "id": "1"}, {"type": "tool_search_output", "id": "2"}],
    [{"type": "tool_search_output", "id": "3"}, {"type": "tool_search_output", "id": "4"}],
    [
        {"type": "tool_search_output", "id": "5"},
        {"type": "tool_search_call", "id": "6"},
        {"type": "tool_search_call", "id": "7"},
    ],
    [{"type": "mcp_approval_request", "id": "8", "server_label": "files", "name": "list"}] * 2,
]


async def test_searches_for_tools_and_requests_for_approval_count(both: Beside) -> None:
    for number, items in enumerate(SEARCH):
        await both.same("add_items", [user(f"question {number}"), *items])

    assert await both.same("get_tool_usage") == [
        ("tool_search", 1, 1),
        ("tool_search", 2, 2),
        ("tool_search", 2, 3),
        ("files.list", 2, 4),
    ]
    await both.reads("main")


PHRASES: list[tuple[str, tuple[Any, ...], str]] = [
    ("create_branch_from_turn", (2, ""), "Branch name cannot be empty"),
    ("create_branch_from_turn", (2, " "), "Branch name cannot be empty"),
    ("create_branch_from_content", ("question", ""), "Branch name cannot be empty"),
    ("create_branch_from_turn", (2, "taken"), "has already been used"),
    ("create_branch_from_content", ("nobody said that", "x"), "No user turns found containing 'nobody said that'"),
    ("switch_to_branch", ("nowhere",), "Branch 'nowhere' does not exist"),
    ("delete_branch", ("nowhere",), "Branch 'nowhere' does not exist"),
    ("delete_branch", ("",), "Branch ID cannot be empty"),
    ("delete_branch", ("main",), "Cannot delete the 'main' branch"),
    ("delete_branch", ("taken",), "Cannot delete current branch 'taken'"),
    ("delete_branch", ("taken",), "Use force=True or switch branches first"),
]


@pytest.mark.parametrize(("method", "args", "phrase"), PHRASES)
async def test_errors_say_what_the_sdks_say(both: Beside, method: str, args: tuple[Any, ...], phrase: str) -> None:
    await both.same("add_items", [*turn("a"), *turn("b")])
    await both.same("create_branch_from_turn", 2, "taken")
    await both.ours.add_items(turn("c"))
    await both.theirs.add_items(turn("c"))  # type: ignore[arg-type]  # Items as plain dictionaries.

    for session in (both.ours, both.theirs):
        with pytest.raises(ValueError, match=phrase):
            await getattr(session, method)(*args)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("get_items", {"branch_id": 1}),
        ("create_branch_from_turn", {"turn_number": "1"}),
        ("create_branch_from_turn", {"turn_number": 1, "branch_name": 2}),
        ("create_branch_from_content", {"search_term": 1}),
        ("create_branch_from_content", {"search_term": "a", "branch_name": 2}),
        ("switch_to_branch", {"branch_id": 1}),
        ("delete_branch", {"branch_id": 1}),
        ("get_conversation_turns", {"branch_id": 1}),
        ("find_turns_by_content", {"search_term": "a", "branch_id": 1}),
        ("get_conversation_by_turns", {"branch_id": 1}),
        ("get_tool_usage", {"branch_id": 1}),
        ("get_session_usage", {"branch_id": 1}),
        ("get_turn_usage", {"branch_id": 1}),
    ],
)
async def test_errors_name_arguments_as_the_sdk_does(
    ours: AdvancedSQLiteSession, method: str, arguments: dict[str, Any]
) -> None:
    await ours.add_items(turn("a"))
    with pytest.raises(TypeError, match=rf"^{list(arguments)[-1]} must be"):
        await getattr(ours, method)(**arguments)


async def test_what_is_closed_says_so(ours: AdvancedSQLiteSession, theirs: SDKSession) -> None:
    for session in (ours, theirs):
        session.close()
        for call in (session.get_items(), session.add_items([]), session.pop_item(), session.clear_session()):
            with pytest.raises(RuntimeError, match="is closed"):
                await call

"""What `session.tree()` prints."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from sessions import SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path


def asks(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answers(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


async def drawn(session: SQLiteSession, width: int = 60, **options: Any) -> str:
    file = io.StringIO()
    Console(file=file, width=width, **options).print(await session.tree())
    return file.getvalue()


async def chat() -> SQLiteSession:
    """A conversation with every kind of fork: a branch, another answer, something undone, an empty branch."""
    session = SQLiteSession("user_123")
    call = {"type": "function_call", "name": "look_up", "call_id": "1", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "1", "output": "66"}
    await session.add_items([asks("How do I form a new habit?"), answers("Start small.")])
    await session.add_items([asks("How long does it take?"), call, output, answers("66 days.")])
    await session.branches.create("what-if", turn=2)
    await session.on_branch("what-if").add_items([asks("Is there an app?"), answers("Several.")])
    await session.branches.create("empty", position=0)
    await session.undo()
    await session.add_items([asks("How long does it take?"), answers("Three weeks.")])
    await session.add_items([asks("Really?"), answers("No.")])
    await session.undo()
    return session


async def test_a_tree() -> None:
    assert await drawn(await chat()) == (
        "user_123  3 branches · 5 turns · 12 items\n"
        "● the beginning\n"
        "│ ◂ empty\n"
        "● 1  How do I form a new habit?\n"
        "│    ↳ Start small.\n"
        "├─○ 2  How long does it take?  · 4 items, 1 tool call\n"
        "│      ↳ 66 days.\n"
        "│      ◂ left by main\n"
        "├─● 2  Is there an app?\n"
        "│      ↳ Several.\n"
        "│      ◂ what-if\n"
        "◉ 2  How long does it take?\n"
        "│    ↳ Three weeks.\n"
        "│    ◂ main (current)\n"
        "○ 3  Really?\n"
        "     ↳ No.\n"
        "     ◂ undone on main\n"
    )


async def test_a_session_without_entries() -> None:
    session = SQLiteSession("new")

    assert await drawn(session) == (
        "new  1 branch · 0 turns · 0 items\n◉ nothing has been said yet\n  ◂ main (current)\n"
    )
    await session.add_items([asks("a")])
    await session.clear_session()
    assert "nothing has been said yet" in await drawn(session)


async def test_a_long_chain_is_not_indented_and_regenerating_each_turn_indents_once() -> None:
    session = SQLiteSession("s")
    for number in range(1, 31):
        for answer in ("first", "second"):
            await session.add_items([asks(f"Question {number}"), answers(f"The {answer} answer")])
            if answer == "first":
                await session.undo()

    lines = (await drawn(session)).splitlines()

    assert {line.index("Question") for line in lines if "Question" in line} == {6, 8}
    assert sum("Question" in line for line in lines) == 60


# Fails without: session/tree_layout.py, `self._weights[child]`
async def test_the_indentation_is_no_deeper_than_the_logarithm_of_the_turns() -> None:
    """A branch that is not the current one, and at every turn was regenerated and went on from the first answer."""
    session = SQLiteSession("s")
    await session.add_items([asks("Begin")])
    await session.branches.create("other")
    other = session.on_branch("other")
    for number in range(30):
        await other.add_items([asks(f"Question {number}")])
        await other.undo()
        await other.add_items([asks(f"Question {number}")])
        await other.choose((await other.siblings())[0])
    await session.add_items([asks("Go on")])

    lines = (await drawn(session)).splitlines()

    assert {line.index("Question") for line in lines if "Question" in line} == {8, 10}


async def test_what_follows_the_current_branch_does_not_look_like_its_own() -> None:
    session = SQLiteSession("s")
    await session.add_items([asks("a")])
    for name in ("one", "two"):
        await session.branches.create(name)
        await session.on_branch(name).add_items([asks(name), asks("more")])

    assert (await drawn(session)).splitlines()[1:] == [
        "◉ 1  a",
        "│    ◂ main (current)",
        "├─● 2  one",
        "│ ● 3  more",
        "│      ◂ one",
        "└─● 2  two",
        "  ● 3  more",
        "       ◂ two",
    ]


async def test_what_was_said_is_no_markup_and_controls_nothing() -> None:
    session = SQLiteSession("[bold]id[/bold]\x1b[2J")
    await session.add_items([asks("[red]a[/red] \x1b]0;title\x07 :smile:"), answers("\x1b[2Jb\r\nc\u202e\u0085[/]")])

    text = await drawn(session, force_terminal=True, color_system="truecolor")

    plain = "".join(letter for letter in text if letter != "\x1b")
    assert "[bold]id[/bold]\ufffd[2J" in text
    assert "[red]a[/red] \ufffd]0;title\ufffd :smile:" in text
    assert "\ufffd[2Jb c [/]" in text
    assert not {letter for letter in plain if not letter.isprintable()} - {"\n"}
    # Rich's own styles are all that is left of escapes.
    assert all(part.split("m")[0].replace(";", "").isdigit() for part in text.split("\x1b[")[1:])
    assert text.count("\x1b") == text.count("\x1b[")


async def test_with_colour_the_current_branch_stands_out_and_without_there_is_none() -> None:
    session = await chat()

    coloured = await drawn(session, force_terminal=True, color_system="standard")
    plain = await drawn(session, force_terminal=True, color_system="standard", no_color=True)

    assert "\x1b[1;32m◉\x1b[0m" in coloured, "bold and green"
    assert "\x1b[2;34m○\x1b[0m" in coloured, "dim and blue"
    assert "\x1b[1mHow long does it take?\x1b[0m" in coloured
    assert "\x1b[1m◉\x1b[0m" in plain


@pytest.mark.parametrize("width", [1, 8, 20, 60, 80, 120])
async def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    session = await chat()
    await session.add_items([asks("日本語のテキスト 🎉 " * 40), answers("x" * 500)])
    for number in range(30):
        await session.branches.create(f"a branch with a number {number}")

    lines = (await drawn(session, width)).splitlines()

    assert max(cell_len(line) for line in lines) <= width
    if width >= 60:
        assert sum(f"a branch with a number {number}" in " ".join(lines) for number in range(30)) == 30


async def test_text_is_cut_for_the_counts_behind_it() -> None:
    session = SQLiteSession("s")
    await session.add_items([asks("a" * 100), answers("b" * 100), answers("c")])

    assert (await drawn(session, 30)).splitlines()[1:3] == [
        "◉ 1  aaaaaaaaaaaaa…  · 3 items",
        "     ↳ bbbbbbbbbbbbbbbbbbbbbb…",
    ]  # fmt: skip


async def test_turn_zero_tools_alone_and_what_cannot_be_shown() -> None:
    session = SQLiteSession("s")
    call = {"type": "function_call", "name": "f", "call_id": "1", "arguments": "{}"}
    await session.add_items([{"role": "system", "content": "Be\nkind."}, answers("Hello!")])
    await session.add_items([{"role": "user", "content": [{"type": "input_image"}]}])
    await session.branches.create("tools")
    await session.on_branch("tools").add_items([call, call])
    await session.add_items([answers("A cat.")])

    assert (await drawn(session)).splitlines()[1:] == [
        "● 0  system: Be kind.",
        "│    ↳ Hello!",
        "● 1  (no text)",
        "├─● 1  2 items, 2 tool calls",
        "│      ◂ tools",
        "◉ 1  ↳ A cat.",
        "     ◂ main (current)",
    ]


async def test_an_item_that_cannot_be_read_is_shown_as_such_also_if_strict(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    session = SQLiteSession("s", path, strict=True)
    await session.add_items([asks("a"), answers("b")])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update agent_log_entries set payload = x'ff' where id & 1")
    connection.close()

    assert (await drawn(session)).splitlines()[1:3] == ["◉ 1  (cannot be read)", "     ↳ b"]
    session.close()


async def test_a_terminal_without_unicode() -> None:
    session = await chat()
    await session.add_items([asks("Où? " + "x" * 100)])
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")

    Console(file=file, width=40).print(await session.tree())

    file.flush()
    text = raw.getvalue().decode("ascii")
    assert "|-o 2  How long does it" in text
    assert "@ 3  O?? " in text
    assert all(len(line) <= 40 for line in text.splitlines())


async def test_a_handle_on_a_branch_marks_that_one() -> None:
    assert "◂ what-if (current)" in await drawn((await chat()).on_branch("what-if"))


def test_it_prints_to_standard_output_and_rich_is_imported_only_then() -> None:
    code = """if True:
        import asyncio, sys
        from sessions import SQLiteSession

        async def main():
            session = SQLiteSession("s")
            await session.add_items([{"role": "user", "content": "Hello"}])
            await session.branches.list()
            print("rich" in sys.modules)
            print(await session.tree())

        asyncio.run(main())
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")

    assert done.stdout.splitlines()[0] == "False"
    assert "◉ 1  Hello" in done.stdout
    assert "\x1b" not in done.stdout

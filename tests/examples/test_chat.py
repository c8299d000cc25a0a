"""`examples/chat.py` does what it says, from a script, and goes on where it was; nothing goes over the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .programs import EXAMPLES, Place
from .test_demo import stored

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SCRIPT = EXAMPLES / "chat-script.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def run(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return Place(folder).run("chat.py", *arguments, typed=typed)


def chat(folder: Path, *typed: str) -> list[list[str]]:
    """What is shown at first, and after each of the lines; without blanks at the ends."""
    done = run(folder, "--db", "chat.db", typed="\n".join(typed))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    shown: list[list[str]] = [[]]
    waiting = list(typed)
    for line in done.stdout.splitlines():
        if waiting and line == f"you  {waiting[0]}":
            waiting.pop(0)
            shown.append([])
        else:
            shown[-1].append(line.strip())
    assert not waiting
    return shown


PANCAKES = "Why does the second batch of pancakes brown much faster?"
FIRST = "it  The second batch of pancakes may brown faster due to residual heat in the"
THIRD = "it  The reason why the second batch of pancakes brown much faster is because"


def test_the_script_shows_every_command(folder: Path) -> None:
    done = run(folder, "--db", "chat.db", "--script", str(SCRIPT))

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = done.stdout
    steps = [line for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert [line[5:] for line in told.splitlines() if line[5:] in steps and line.startswith("you  ")][-1] == ":quit"
    in_order = [
        f"you  {PANCAKES}\n {FIRST}\n",
        "you  :regenerate\n",
        "     2 / 2\n",
        f"you  :regenerate\n {THIRD}\n     the pan is already hot.\n     3 / 3\n     1  how does this matter\n",
        "you  how does this matter\n it  The pan is hot, therefore",
        "you  :undo\n  -  Undid: how does this matter\n",
        "you  :redo\nyou  how does this matter\n it  The pan is hot",
        "you  :redo\n  -  There is nothing to redo.\n",
        f"you  :left 1\nyou  {PANCAKES}\n",
        "     2 / 3\n",
        "you  :right 1\n",
        "     3 / 3\n",
        "you  :edit Should I turn the heat down?\n it  Nobody answered that in the recordings.\n",
        "     2 / 2\nyou  :left\nyou  how does this matter\n",
        "     1 / 2\n",
        "  -  You are on mirror now.\n",
        " it  The belief that breaking a mirror",
        "  -  You are on main now.\n",
        " *  main    2 ",
        "    mirror  3      main, after turn 2",
        "chat  2 branches · 6 turns · 12 items\n",
        f"├─○ 1  {PANCAKES}\n",
        "│    ◂ main (current)\n",
        "     ◂ mirror\n",
        "  -  Branch 'nowhere' does not exist in session 'chat', which has 'main', 'mirror'. Nothing was",
        "  -  session 'chat': the branch name 'mirror' has already been used. Nothing was changed.",
        "  -  There are not so many turns.\n",
        "  -  There is no next version: this is 3 / 3.\n",
        "  -  There is no command :dance. Type :help.\n",
    ]
    at = 0
    for part in in_order:
        found = told.find(part, at)
        assert found >= 0, f"{part!r} is not in what follows:\n{told[at:]}"
        at = found + len(part)
    [items] = stored(folder / "chat.db").values()
    assert [item["content"][:20] for item in items] == [
        PANCAKES[:20], "The reason why the s", "how does this matter", "The pan is hot, ther"
    ]  # fmt: skip


def test_a_second_run_goes_on_where_the_first_one_was(folder: Path) -> None:
    chat(folder, PANCAKES, ":regenerate", ":branch what-if", "how does this matter", ":regenerate", ":left")

    begun, _, redone, branches = chat(folder, ":right", ":redo", ":branches")

    assert begun[1:4] == [
        "You are on what-if, after turn 2:",
        "you  how does this matter",
        "it  The pan is hot, therefore more heat is transferred to the pancakes more",
    ]
    assert "1 / 2" in begun
    assert redone == ["-  There is nothing to redo."]
    assert any(line.startswith("*  what-if") for line in branches)
    begun, _ = chat(folder, ":tree")
    assert "2 / 2" in begun


def test_a_number_says_what_is_suggested_and_case_and_punctuation_do_not_matter(folder: Path) -> None:
    shown = chat(folder, "1", "why does the second batch of PANCAKES brown much faster")

    assert shown[0][1:2] == [f"1  {PANCAKES}"]
    assert shown[1][:2] == [f"you  {PANCAKES}", FIRST]
    assert shown[2][0] == FIRST


def test_regenerating_comes_back_to_the_first_answer(folder: Path) -> None:
    shown = chat(folder, PANCAKES, ":regenerate", ":regenerate", ":regenerate")

    assert shown[-1][0] == FIRST
    assert "4 / 4" in shown[-1]


@pytest.mark.parametrize(
    ("mistake", "answer"),
    [
        (":undo", "There is nothing to undo."),
        (":undo x", "Give a number from 1 on: :undo [N]"),
        (":redo", "There is nothing to redo."),
        (":edit", "Say what the message should be instead: :edit TEXT"),
        (":edit a", "There is nothing to edit."),
        (":regenerate", "There is nothing to answer again."),
        (":left", "Nothing has been said yet."),
        (":right 3", "There is no turn 3."),
        (":left 0", "Give a number from 1 on: :left [TURN]"),
        (":branch", "Give a name: :branch NAME"),
        (
            ":switch [bold]x",
            (
                "Branch '[bold]x' does not exist in session 'chat', which has 'main'. Nothing was changed. "
                "Use one of these, or create it with session.branches.create(…)."
            ),
        ),
        (":", "There is no command :. Type :help."),
        (":__init__", "There is no command :__init__. Type :help."),
    ],
)
def test_a_mistake_is_told_in_one_line_and_the_chat_goes_on(folder: Path, mistake: str, answer: str) -> None:
    _, told, after = chat(folder, mistake, "Hello")

    suggestions = ("1  ", "2  ", "3  ")
    assert [line for line in told if not line.startswith(suggestions)] == [f"-  {answer}"]
    assert after[0] == "it  Nobody answered that in the recordings."


def test_help_names_every_command(folder: Path) -> None:
    (_, told) = chat(folder, ":help")

    commands = {line.split()[0] for line in told if line.startswith(":")}
    assert commands == {":undo", ":redo", ":edit", ":regenerate", ":left", ":right", ":branch", ":switch", ":branches",
                        ":tree", ":help", ":quit"}  # fmt: skip


def test_a_file_that_is_no_database_and_a_script_that_is_not_there(folder: Path) -> None:
    (folder / "chat.db").write_text("This is not a database, and long enough to tell. " * 100)

    for arguments in (["--db", "chat.db"], ["--script", "nowhere.txt"]):
        done = run(folder, *arguments)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("chat.py: error: ")
        assert "Traceback" not in done.stderr

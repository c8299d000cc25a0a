"""Each program of examples/ does what its first lines say, and a typical mistake is one line that says what to do."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from agents.extensions.memory import AdvancedSQLiteSession as SDKsAdvanced

from tests.sql.servers import free_port

from .programs import EXAMPLES, Place

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sql.databases import Lend
    from tests.sql.servers import Postgres

SHORT = {
    "runner.py", "undo_web.py", "handoff.py", "postgres.py", "analytics.py", "encrypted.py", "advanced.py", "script.py",
}  # fmt: skip


def test_each_use_has_a_short_program() -> None:
    lengths = {name: len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) for name in SHORT}
    assert {name for name, length in lengths.items() if length > 80} == set()
    assert len((EXAMPLES / "sidebar_web.py").read_text(encoding="utf-8").splitlines()) <= 150


# --- runner.py ----------------------------------------------------------------------------------------------------


def test_the_runner_remembers_and_what_was_undone_stays_in_the_tree(place: Place) -> None:
    told = place.output_of("runner.py", "chats.db")

    assert told.startswith(
        "0 items are in chats.db\n user  Where is the Golden Gate Bridge?\nguide  In San Francisco.\n"
    )
    assert " undo  In which state?\n redo\n user  When did it open?\nguide  It opened in 1937.\n" in told
    assert "├─○ 2  In which state?\n│      ↳ In California.\n" in told
    assert "◉ 2  When did it open?\n     ↳ It opened in 1937.\n     ◂ main (current)\n" in told


def test_the_second_run_goes_on_where_the_first_one_was(place: Place) -> None:
    place.output_of("runner.py")

    told = place.output_of("runner.py")

    assert told.startswith("4 items are in conversations.db\n")
    assert "◉ 4  When did it open?" in told


def test_the_runner_says_what_is_wrong_with_a_path(place: Place) -> None:
    done = place.run("runner.py", "nowhere/chats.db")

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r".*runner.py: session 'user_123': .*nowhere/chats.db cannot be created: .*\n", done.stderr)


# --- handoff.py ---------------------------------------------------------------------------------------------------


def test_each_agent_has_said_what_it_said(place: Place) -> None:
    told = place.output_of("handoff.py")

    said = re.findall(r"^ +(\d) +(\w+) +(.+)$", told.partition("\n\n")[0], re.MULTILINE)
    assert said == [
        ("1", "customer", "My flight was cancelled. I want my money back."),
        ("1", "front_desk", "(tool_call transfer_to_billing)"),
        ("1", "front_desk", "(tool_output transfer_to_billing)"),
        ("1", "billing", "Your ticket is refunded: 120 dollars."),
        ("2", "customer", "When will it arrive?"),
        ("2", "billing", "It takes three days."),
        ("3", "customer", "May I sit at the window on my next flight?"),
        ("3", "front_desk", "(tool_call transfer_to_seats)"),
        ("3", "front_desk", "(tool_output transfer_to_seats)"),
        ("3", "seats", "You sit in 12A now, at the window."),
    ]
    calls = re.findall(r"^(\w+) +(\w+-model) +(\d) +\d+$", told, re.MULTILINE)
    assert calls == [("billing", "small-model", "2"), ("front_desk", "large-model", "2"), ("seats", "small-model", "1")]


# --- encrypted.py -------------------------------------------------------------------------------------------------


def test_only_the_new_key_opens_what_was_rotated(place: Place) -> None:
    told = place.output_of("encrypted.py").splitlines()

    assert told[0] == "with the key:     ['My account number is 12345.', 'Thank you.']"
    assert told[1] == "in the file:      not readable"
    assert told[2] == "rotated:          1 session"
    assert told[3] == "with the new key: ['My account number is 12345.', 'Thank you.']"
    assert "encrypted with key '2026'" in told[4]
    assert "'2025'" in told[4]


# --- script.py ----------------------------------------------------------------------------------------------------


def test_threads_share_a_conversation_without_asyncio(place: Place) -> None:
    place.output_of("script.py", "chats.db")

    told = place.output_of("script.py", "chats.db")  # It goes on where it was, with two turns.

    lines = told.splitlines()
    assert sorted(line.split()[-1] for line in lines[:6:2]) == ["Ann", "Bob", "Cem"]
    assert [line[-len("4 items.") :] for line in lines[1:6:2]] == ["4 items.", "6 items.", "8 items."]
    assert lines[7] == f"undone: {lines[4].removeprefix('     user  ')}"
    assert "◉ 4  Question for" in told
    assert "○ 5  Question for" in told


def test_the_script_says_what_is_wrong_with_a_path(place: Place) -> None:
    done = place.run("script.py", "nowhere/chats.db")

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r".*script.py: session 'user_123': .*nowhere/chats.db cannot be created: .*\n", done.stderr)


# --- analytics.py -------------------------------------------------------------------------------------------------


def test_costs_by_model_day_and_session_and_failed_tools(place: Place) -> None:
    told = place.output_of("analytics.py")

    assert re.search(r"^ large-model +1 +1400 +1024 +60 +0\.001744 *$", told, re.MULTILINE)
    assert re.search(r"^ local-model +1 +500 +0 +10 +no price *$", told, re.MULTILINE)
    assert re.search(r"^ \d{4}-\d\d-\d\d +3 +2800 +1024 +100 +0\.001846 *$", told, re.MULTILINE)
    assert re.search(r"^ order 17 +2 +2300 ", told, re.MULTILINE)
    assert re.search(r"^ find_order +2 +1 *$", told, re.MULTILINE)


def test_analytics_reads_the_file_of_another_example(place: Place) -> None:
    place.output_of("runner.py", "chats.db")

    told = place.output_of("analytics.py", "chats.db")

    assert "order" not in told


@pytest.mark.parametrize(("arguments", "mistake"), [(["nowhere.db"], "there is no file"), (["."], "there is no file")])
def test_analytics_makes_no_file_for_a_wrong_path(place: Place, arguments: list[str], mistake: str) -> None:
    done = place.run("analytics.py", *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert mistake in done.stderr
    assert not list(place.folder.glob("*.db"))


def test_analytics_says_that_a_file_is_no_database(place: Place) -> None:
    (place.folder / "notes.txt").write_text("These are notes, and no database. " * 100, encoding="utf-8")

    done = place.run("analytics.py", "notes.txt")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "notes.txt" in done.stderr


# --- advanced.py --------------------------------------------------------------------------------------------------


def test_code_for_the_sdk_goes_on_where_the_sdk_was(place: Place) -> None:
    """The file is one that the SDK's class has written; the program knows what it holds."""
    path = place.folder / "sdk.db"
    asyncio.run(write_with_the_sdk(path))

    told = place.output_of("advanced.py", "sdk.db", "user_1")

    assert "What should I take?\n  Take a hat.\n" in told
    assert "branch main: 3 turns, 7 items\n" in told
    assert re.search(r"^branch branch_from_turn_3_\w+: 3 turns, 7 items$", told, re.MULTILINE)
    assert "tool forecast: 1 call in turn 2\n" in told
    assert "usage: 4 calls, " in told


async def write_with_the_sdk(path: Path) -> None:
    session = SDKsAdvanced(session_id="user_1", db_path=path, create_tables=True)
    await session.add_items([{"role": "user", "content": "Hello"}])
    session.close()


# --- postgres.py --------------------------------------------------------------------------------------------------


def test_three_workers_share_a_conversation_on_postgres(tmp_path: Path, postgres: Postgres, lend: Lend) -> None:
    place = Place(tmp_path, network=True)

    told = place.output_of("postgres.py", lend(postgres))

    said = re.findall(r"^ +(\w+)  (\w+) (\w+)", told, re.MULTILINE)
    workers = [author for author, *_ in said[::2]]
    assert sorted(workers) == ["Ann", "Bob", "Cem"]
    # Each question is followed by its own answer, and each worker has read what came before.
    assert said == [line for name in workers for line in ((name, "Question", "for"), (name, name, "answers"))]
    assert re.findall(r"having read (\d) items", told) == ["0", "2", "4"]
    assert "Nothing was added" in told
    assert "7 items are in session user_123-" in told


def test_postgres_needs_a_url(place: Place) -> None:
    assert place.run("postgres.py").stderr.startswith("Which database? ")
    assert "is not a URL" in place.run("postgres.py", "localhost").stderr


def test_postgres_says_that_there_is_no_server(tmp_path: Path) -> None:
    url = f"postgresql+asyncpg://ann:secret@127.0.0.1:{free_port()}/chats"

    done = Place(tmp_path, network=True).run("postgres.py", url)

    assert done.returncode == 1
    assert "Check the server and the network" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr

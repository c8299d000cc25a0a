"""`examples/demo.py` does what it says: three agents and processes, one conversation, nothing over the network."""

from __future__ import annotations

import asyncio
import json
import platform
import re
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest

from sessions import SQLiteSession, open_store

from .programs import EXAMPLES, Place

FIRST = "My user ID is noah_muller_9847"
IN_OTHER_WORDS = "I'm sure there were 3 passengers."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def told(folder: Path) -> str:
    """What the demo prints without arguments, on a machine without a network."""
    return Place(folder).output_of("demo.py")


def file_of(text: str) -> Path:
    [path] = re.findall(r"^file +(.+)$", text, re.MULTILINE)
    return Path(path)


def stored(path: Path) -> dict[str, list[Any]]:
    """The conversations in a file that need no key."""

    async def read() -> dict[str, list[Any]]:
        async with open_store(f"sqlite:///{path}") as store:
            ids = [info.session_id for info in await store.sessions() if "encrypted" not in info.session_id]
        sessions = [SQLiteSession(session_id, path) for session_id in ids]
        items = [await session.get_items() for session in sessions]
        for session in sessions:
            session.close()
        return dict(zip(ids, items, strict=True))

    return asyncio.run(read())


def summary(items: list[Any]) -> list[str]:
    """One word per item."""
    return [item.get("name") or item.get("role") or "output" for item in items]


def test_it_fits_into_a_terminal(told: str) -> None:
    lines = told.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith("file"))
    assert len(lines) <= 40


def test_it_prints_who_said_what_in_three_processes(told: str) -> None:
    title = re.search(r"^Three processes: triage (\d+), billing (\d+), bookings (\d+) ", told, re.MULTILINE)
    assert title
    assert len(set(title.groups())) == 3
    said = re.findall(r"^( \d|  ) (\w+) +(\S+ \S+)", told.partition("Undo, redo")[0], re.MULTILINE)
    assert [(turn.strip(), who, words) for turn, who, words in said] == [
        ("1", "customer", "My user"),
        ("", "triage", "calls get_user_details(user_id='noah_muller_9847')"),
        ("", "triage", "calls get_reservation_details(reservation_id='4OG6T3')"),
        ("", "triage", "I have"),
        ("", "triage", "hands over"),
        ("2", "customer", "It was"),
        ("", "billing", "calls think(thought='Noah"),
        ("", "billing", "calls send_certificate(user_id='noah_muller_9847',"),
        ("", "billing", "I have"),
        ("", "billing", "hands over"),
        ("3", "customer", "Thank you"),
        ("", "bookings", "Your reservation"),
    ]


def test_it_prints_the_tree_of_what_was_undone_tried_again_and_branched(told: str) -> None:
    undone = r"^undo\(\), redo\(\) +take the last turn back and restore it: Thank you for that\."
    assert re.search(undone, told, re.MULTILINE)
    assert re.search(r"^noah-\w{6}  2 branches · 5 turns · 18 items$", told, re.MULTILINE)
    tree = told[told.index("├─○ 3") : told.index("What each agent cost")]
    assert re.findall(r"^(\S*) 3  (\w+ ?\w*)|◂ (.+)$", tree, re.MULTILINE) == [
        ("├─○", "Thank you", ""),
        ("", "", "left by main"),
        ("├─●", "I might", ""),
        ("", "", "what-else"),
        ("◉", "I", ""),
        ("", "", "main (current)"),
    ]


def test_it_prints_the_cost_and_that_only_a_key_opens_what_is_encrypted(told: str) -> None:
    row = r"^(\w+) +(\d) model calls, ([\d,]+) tokens in, (\d+) tokens out: \$(0\.\d{4})$"
    rows = re.findall(row, told, re.MULTILINE)
    assert [(agent, calls) for agent, calls, *_ in rows] == [("billing", "3"), ("bookings", "3"), ("triage", "3")]
    for _, _, read, written, dollars in rows:
        assert float(dollars) == pytest.approx((2 * int(read.replace(",", "")) + 8 * int(written)) / 1e6, abs=1e-4)
    assert re.search(rf"^EncryptedSession +with the key, 14 items, from: {FIRST}", told, re.MULTILINE)
    assert re.search(r"^without the key +MissingKeyError: ", told, re.MULTILINE)


def test_its_last_lines_are_the_path_and_the_versions(told: str, folder: Path) -> None:
    *_, file, versions = told.splitlines()
    assert file_of(file).is_file()
    assert file_of(file).is_relative_to(folder)
    assert versions == (
        f"versions  agent-session-store {version('agent-session-store')}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def test_the_file_holds_what_was_said_without_what_was_replaced(told: str) -> None:
    stored_items = stored(file_of(told))

    assert len(stored_items) == 1  # The encrypted session opens with its key only, which the demo has forgotten.
    [(session_id, items)] = stored_items.items()
    assert session_id.startswith("noah-")
    assert summary(items) == [
        *("user", "get_user_details", "output", "get_reservation_details", "output", "assistant"),
        *("user", "think", "output", "send_certificate", "output", "assistant"),
        *("user", "assistant"),
    ]
    assert items[-2]["content"].startswith(IN_OTHER_WORDS)
    assert "show only one passenger" in items[-1]["content"][0]["text"]


def test_with_a_key_the_real_model_answers_and_the_file_is_kept(told: str, folder: Path) -> None:
    """The real model's place is taken by a server on this machine that gives one answer to everything."""
    path = folder / "chats.db"
    path.write_bytes(file_of(told).read_bytes())

    with OneAnswer() as server:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        real = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": url}
        output = Place(folder, network=True).output_of("demo.py", "--db", "chats.db", "--model", "gpt-4.1-mini", **real)

    said = re.findall(r"^ +(\w+) +I am a real model\.", output, re.MULTILINE)
    assert said == ["triage", "billing", "bookings"]
    assert file_of(output) == path
    assert server.asked == [("Bearer sk-test", "gpt-4.1-mini", length) for length in (1, 3, 5, 5, 5)]
    live, recorded = sorted(stored(path).values(), key=len)
    assert len(recorded) == 14
    assert summary(live) == ["user", "assistant"] * 3


def test_if_one_agent_fails_nobody_waits_for_it(folder: Path) -> None:
    """No server is there, so the first agent's model cannot be asked."""
    broken = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}

    done = Place(folder, network=True).run("demo.py", **broken)

    assert done.returncode == 1
    assert "Connection error" in done.stderr


_EACH = '''
"""Runs a program with each of several lists of arguments, in one process: its imports take seconds."""
import json, runpy, sys
from pathlib import Path

program, lists = sys.argv[1:]
sys.path.insert(0, str(Path(program).parent))
for arguments in json.loads(lists):
    sys.argv = [program, *arguments]
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        print(f"ended with {ended.code}", file=sys.stderr)
'''


def test_a_mistake_is_one_line(folder: Path) -> None:
    mistakes = {
        "--model needs OPENAI_API_KEY": ["--model", "gpt-4.1"],
        "nowhere/chats.db cannot be created": ["--db", "nowhere/chats.db"],
        "Check that it is a file": ["--db", "."],
    }
    (folder / "each.py").write_text(_EACH, encoding="utf-8")

    done = Place(folder).run(str(folder / "each.py"), str(EXAMPLES / "demo.py"), json.dumps([*mistakes.values()]))

    *told, rest = done.stderr.split("ended with 2\n")
    assert (len(told), rest) == (len(mistakes), "")
    for mistake, lines in zip(mistakes, told, strict=True):
        assert mistake in lines.splitlines()[-1]
    assert "Traceback" not in done.stderr


class OneAnswer(ThreadingHTTPServer):
    """A stand-in for the vendor's server; it notes the key, the model and how long the conversation was."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, int]] = []
        self._thread = Thread(target=self.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: OneAnswer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.headers["Authorization"], request["model"], len(request["input"])))
        text = {"type": "output_text", "text": "I am a real model.", "annotations": []}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
        answer = {
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": request["model"],
            "output": [message],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The test's output stays readable."""

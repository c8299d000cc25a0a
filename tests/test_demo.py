"""`examples/demo.py` does what it says: three agents and processes, one conversation, nothing over the network."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest

from sessions import SQLiteSession, open_store

ROOT = Path(__file__).parents[1]
NO_NETWORK = '''
"""Python imports this when it starts: whoever looks up a host or connects to one ends the process."""
import os, sys

def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        os.write(2, f"{event} {args}".encode())
        os._exit(99)

sys.addaudithook(refuse)
'''


@dataclass(frozen=True)
class Demo:
    """Runs the demo in an 80 column terminal, from another directory than its own."""

    folder: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)]
        return subprocess.run(
            [sys.executable, str(ROOT / "examples" / "demo.py"), *arguments],
            cwd=self.folder,
            env={
                "COLUMNS": "80",
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join([environment.pop("FIRST_PATH", ""), *paths]),
                "PYTHONWARNINGS": "error",
                "TMPDIR": str(self.folder),
                **environment,
            },
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def told(folder: Path) -> str:
    """What the demo prints without arguments, on a machine without a network."""
    blocked = folder / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(NO_NETWORK)
    done = Demo(folder).run(FIRST_PATH=str(blocked))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def file_of(text: str) -> Path:
    [path] = re.findall(r"^file +(.+)$", text, re.MULTILINE)
    return Path(path)


def stored(path: Path) -> dict[str, list[Any]]:
    """The conversations in a file."""

    async def read() -> dict[str, list[Any]]:
        async with open_store(f"sqlite:///{path}") as store:
            ids = [record.session_id for record in await store.sessions()]
        sessions = [SQLiteSession(session_id, path) for session_id in ids]
        items = [await session.get_items() for session in sessions]
        for session in sessions:
            session.close()
        return dict(zip(ids, items, strict=True))

    return asyncio.run(read())


def summary(items: list[Any]) -> list[str]:
    """One word per item."""
    return [item.get("name") or item.get("role") or "output" for item in items]


def test_it_prints_who_said_what_in_three_processes(told: str) -> None:
    assert all(len(line) <= 80 for line in told.splitlines() if not line.startswith("file"))

    agents = re.findall(r"^(\w+), pid (\d+) ", told, re.MULTILINE)
    assert [name for name, _ in agents] == ["triage", "billing", "bookings"]
    assert len({pid for _, pid in agents}) == 3
    speakers = set(re.findall(r"^ +([a-z]+)  \S", told.partition("Who said what")[0], re.MULTILINE))
    assert speakers == {"user", "triage", "billing", "bookings", "tool", "removed", "demo"}
    assert "triage hands over to billing: The customer is found" in told
    assert "billing  calls send_certificate(user_id='noah_muller_9847', amount=50)" in told
    assert "8 items of the conversation are in the file" in told


def test_it_prints_the_handovers_that_no_model_was_shown(told: str) -> None:
    assert re.findall(r"^ \d+ +\d +(\w+) +handover to (\w+)", told, re.MULTILINE) == [
        ("demo", "triage"),
        ("triage", "billing"),
        ("billing", "bookings"),
        ("bookings", "customer"),
    ]
    assert re.search(r"^ 14 +3 +billing +tool call send_certificate", told, re.MULTILINE)


def test_it_prints_the_list_of_sessions_the_path_and_the_versions(told: str, folder: Path) -> None:
    assert re.search(r"^ noah_muller_9847-\w{6} +16 ", told, re.MULTILINE)
    assert file_of(told).is_file()
    assert file_of(told).is_relative_to(folder)
    assert f"openai-agents {version('openai-agents')}" in told
    assert "agent-session-store " in told
    assert f"SQLite {sqlite3.sqlite_version}, Python {platform.python_version()}" in told
    assert told.splitlines()[-1].startswith("Next: ")


def test_the_file_holds_what_was_said_without_what_was_taken_back(told: str) -> None:
    [(session_id, items)] = stored(file_of(told)).items()

    assert session_id.startswith("noah_muller_9847-")
    assert summary(items) == [
        *("user", "assistant"),
        *("user", "get_user_details", "output", "get_reservation_details", "output", "assistant"),
        *("user", "think", "output", "send_certificate", "output", "assistant"),
        *("user", "assistant"),
    ]
    assert items[-2]["content"].startswith("I'm sure there were 3 passengers.")
    assert "show only one passenger" in items[-1]["content"][0]["text"]
    assert not any("By the way" in str(item.get("content")) for item in items)


def test_with_a_key_the_real_model_answers_and_the_file_is_kept(told: str, folder: Path) -> None:
    """The real model's place is taken by a server on this machine that gives one answer to everything."""
    path = folder / "chats.db"
    path.write_bytes(file_of(told).read_bytes())

    with OneAnswer() as server:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        done = Demo(folder).run(
            "--db", "chats.db", "--model", "gpt-4.1-mini", OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=url
        )

    assert done.returncode == 0, done.stderr
    said = re.findall(r"^ +(\w+)  I am a real model\.", done.stdout, re.MULTILINE)
    assert said == ["triage", "triage", "billing", "bookings", "bookings"]
    assert file_of(done.stdout) == path
    assert server.asked == [("Bearer sk-test", "gpt-4.1-mini", length) for length in (1, 3, 5, 7, 7)]
    recorded, live = sorted(stored(path).values(), key=len, reverse=True)
    assert len(recorded) == 16
    assert summary(live) == ["user", "assistant"] * 4


def test_if_one_agent_fails_nobody_waits_for_it(folder: Path) -> None:
    """No server is there, so the first agent's model cannot be asked."""
    done = Demo(folder).run(OPENAI_API_KEY="sk-test", OPENAI_BASE_URL="http://127.0.0.1:9/v1")

    assert done.returncode == 1
    assert "Connection error" in done.stderr


def test_a_model_can_only_be_named_where_there_is_one(folder: Path) -> None:
    done = Demo(folder).run("--model", "gpt-4.1")

    assert done.returncode == 2
    assert "needs OPENAI_API_KEY" in done.stderr


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

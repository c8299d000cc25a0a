"""LangGraph's own end-to-end tests, with our saver in the place of theirs.

scripts/setup fetches them by hash. Every run takes all that run on SQLite, in parts that are run beside each other.
``--everything`` also takes them in LangGraph's strict mode, with our serializer, encrypted, and on Postgres, where they
run plain, strict and encrypted. That is 6,507 tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.sql.servers import Postgres

_ROOT = Path(__file__).parents[2]
_UPSTREAM = Path(sys.prefix) / "upstream"
_LANGGRAPH = _UPSTREAM / "langgraph-1.2.24"
_PLUGIN = Path(__file__).parent / "upstream"

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Part(NamedTuple):
    """Some of the tests.

    Attributes:
        pattern: The names of their files.
        all: How many there are.
        without_cipher: How many of them do without LangGraph's `EncryptedSerializer`.
    """

    pattern: str
    all: int
    without_cipher: int


_PARTS: Final = {
    "pregel": Part("test_pregel.py", 253, 128),
    "pregel async": Part("test_pregel_async.py", 130, 130),
    "delta channels": Part("test_delta_channel_*.py", 284, 168),
    "time travel": Part("test_time_travel*.py", 145, 94),
    "others": Part("test_*.py", 228, 134),
}
"""The last part is of all the files that no other has."""

_TRIES: Final = 3
_MOST: Final = 20
"""Failures of a part that a busy machine may explain: more are not tried again."""


class Run(Protocol):
    """The function that runs a part."""

    def __call__(self, part: str, options: Sequence[str] = (), environment: Mapping[str, str] = _NOTHING) -> int: ...


_STRICT: Final = {"LANGGRAPH_STRICT_MSGPACK": "true"}
_ENCRYPTED: Final = {"SESSIONS_UPSTREAM_ENCRYPTED": "true"}
_WITHOUT_CIPHER: Final = ("-k", "sqlite and not sqlite_aes")
_WITH_A_LOCAL_CLASS = "test_in_one_fan_out_state_graph_waiting_edge_custom_state_class_pydantic_input"


def _files(part: str) -> list[str]:
    """Return those files of a part that have tests with savers."""
    taken: set[Path] = set()
    for name, (pattern, *_) in _PARTS.items():
        found = set((_LANGGRAPH / "tests").glob(pattern)) - taken
        if name == part:
            break
        taken |= found
    return sorted(path.name for path in found if "checkpointer" in path.read_text(encoding="utf-8"))


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Run a part of the tests in a process of its own, and return how many passed.

    Some wait for milliseconds and compare the order of events then, or end after a second. So tests that fail are tried
    again when the others are done. The last lines of the run name them.
    """

    def run(part: str, options: Sequence[str] = (), environment: Mapping[str, str] = _NOTHING) -> int:
        done = _tried([f"tests/{file}" for file in _files(part)], options, environment)
        assert " error" not in done.stdout.splitlines()[-1], done.stdout[-20_000:] + done.stderr[-5_000:]
        passed, failed = _passed(done), _failed(done)
        assert len(failed) <= _MOST, done.stdout[-20_000:]
        for test in failed:
            request.node.user_properties.append(("tried again", f"{part}: {test}"))
        for _ in range(_TRIES):
            if not failed:
                break
            done = _tried(failed, options, environment)
            passed, failed = passed + _passed(done), _failed(done)
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
        return passed

    return run


def _passed(done: subprocess.CompletedProcess[str]) -> int:
    found = re.search(r"(\d+) (?:passed|failed)", done.stdout)
    assert found, done.stdout[-20_000:] + done.stderr[-5_000:]
    found = re.search(r"(\d+) passed", done.stdout)
    return int(found[1]) if found else 0


def _failed(done: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)


def _tried(
    tests: Sequence[str], options: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    if not _LANGGRAPH.is_dir():
        pytest.skip("LangGraph's own tests are not here: run scripts/setup once, with the network")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    paths = (str(_PLUGIN), str(_UPSTREAM / "tools"), str(_ROOT))
    ours |= {"NO_DOCKER": "true", "PYTHONPATH": os.pathsep.join(paths), **environment}
    command = (
        sys.executable, "-m", "pytest", "-q", "-p", "our_savers", "-p", "no:cacheprovider", "-p", "no:xdist",
        "-o", "addopts=", "-o", "asyncio_default_fixture_loop_scope=function", "-W", "ignore", "-k", "sqlite",
        *options, *tests,
    )  # fmt: skip
    return subprocess.run(command, cwd=_LANGGRAPH, env=ours, capture_output=True, text=True, check=False)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", _PARTS)
def test_all_of_them(run: Run, part: str) -> None:
    """Fails without: adapters/langgraph/saver.py, any of its methods."""
    assert run(part) == _PARTS[part].all


@pytest.mark.everything
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", _PARTS)
def test_all_of_them_in_strict_mode(run: Run, part: str) -> None:
    assert run(part, environment=_STRICT) == _PARTS[part].all


@pytest.mark.everything
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", _PARTS)
def test_all_of_them_with_our_serializer(run: Run, part: str) -> None:
    """All but one: its state has a class that is inside the test's function, where no schema's name leads to it."""
    without = ("--deselect", f"tests/test_pregel.py::{_WITH_A_LOCAL_CLASS}[sqlite]")
    passed = run(part, options=without, environment={"SESSIONS_UPSTREAM_SERDE": "safe"})
    assert passed == _PARTS[part].all - (part == "pregel")


@pytest.mark.everything
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", _PARTS)
def test_all_of_them_encrypted_by_the_store(run: Run, part: str) -> None:
    """But for those that have LangGraph's `EncryptedSerializer`, which a store with a key refuses."""
    assert run(part, options=_WITHOUT_CIPHER, environment=_ENCRYPTED) == _PARTS[part].without_cipher


@pytest.mark.everything
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("environment", [{}, _STRICT], ids=["plain", "strict"])
@pytest.mark.parametrize("part", _PARTS)
def test_all_of_them_on_a_server(run: Run, part: str, postgres: Postgres, environment: dict[str, str]) -> None:
    """Each saver has tables of its own in one database; a third has `EncryptedSerializer`."""
    there = {**environment, "SESSIONS_UPSTREAM_URL": postgres.new_database()}
    assert run(part, environment=there) == _PARTS[part].all


@pytest.mark.everything
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", _PARTS)
def test_all_of_them_encrypted_by_the_store_on_a_server(run: Run, part: str, postgres: Postgres) -> None:
    there = {**_ENCRYPTED, "SESSIONS_UPSTREAM_URL": postgres.new_database()}
    assert run(part, options=_WITHOUT_CIPHER, environment=there) == _PARTS[part].without_cipher

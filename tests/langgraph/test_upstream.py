"""LangGraph's own end-to-end tests, with our saver in the place of theirs.

scripts/setup fetches them by hash. Every run takes all that run on SQLite, in parts that are run beside each other.
``--everything`` also takes them in LangGraph's strict mode, with our serializer, encrypted, and on Postgres.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.sql.servers import Postgres

_ROOT = Path(__file__).parents[2]
_UPSTREAM = Path(sys.prefix) / "upstream"
_LANGGRAPH = _UPSTREAM / "langgraph-1.2.24"
_PLUGIN = Path(__file__).parent / "upstream"

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_PARTS: Final = {
    "pregel": (253, "test_pregel.py"),
    "pregel async": (130, "test_pregel_async.py"),
    "delta channels": (284, "test_delta_channel_*.py"),
    "time travel": (145, "test_time_travel*.py"),
    "others": (228, "test_*.py"),
}
"""How many tests of which files there are on SQLite; the last part is of all the files that no other has."""

_TRIES: Final = 3
_STRICT: Final = {"LANGGRAPH_STRICT_MSGPACK": "true"}
_ENCRYPTED: Final = {"SESSIONS_UPSTREAM_ENCRYPTED": "true"}
_WITHOUT_CIPHER: Final = ("-k", "sqlite and not sqlite_aes")
_WITH_A_LOCAL_CLASS = "test_in_one_fan_out_state_graph_waiting_edge_custom_state_class_pydantic_input"


def _files(part: str) -> list[str]:
    """Return those files of a part that have tests with savers."""
    taken: set[Path] = set()
    for name, (_, pattern) in _PARTS.items():
        found = set((_LANGGRAPH / "tests").glob(pattern)) - taken
        if name == part:
            break
        taken |= found
    return sorted(path.name for path in found if "checkpointer" in path.read_text(encoding="utf-8"))


def _run(*tests: str, options: Sequence[str] = (), environment: Mapping[str, str] = _NOTHING) -> int:
    """Run tests in a process of its own; return how many passed.

    Some wait for milliseconds and compare the order of what happened then. So a test that fails is tried again, alone.
    """
    done = _tried([f"tests/{test}" for test in tests], options, environment)
    passed = _passed(done)
    for test in re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE):
        for _ in range(_TRIES):
            again = _tried([test], options, environment)
            if again.returncode == 0:
                break
        assert again.returncode == 0, again.stdout[-20_000:] + again.stderr[-5_000:]
        passed += _passed(again)
    assert " error" not in done.stdout.splitlines()[-1], done.stdout[-20_000:] + done.stderr[-5_000:]
    return passed


def _passed(done: subprocess.CompletedProcess[str]) -> int:
    found = re.search(r"(\d+) passed", done.stdout)
    assert found, done.stdout[-20_000:] + done.stderr[-5_000:]
    return int(found[1])


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
def test_all_of_them(part: str) -> None:
    """Fails without: adapters/langgraph/saver.py, any of its methods."""
    count, _ = _PARTS[part]
    assert _run(*_files(part)) == count


@pytest.mark.everything
@pytest.mark.timeout(1800)
def test_all_of_them_in_strict_mode() -> None:
    assert _run(environment=_STRICT) >= 1040


@pytest.mark.everything
@pytest.mark.timeout(1800)
def test_all_of_them_with_our_serializer() -> None:
    """All but one: its state has a class that is inside the test's function, where no schema's name leads to it."""
    without = ("--deselect", f"tests/test_pregel.py::{_WITH_A_LOCAL_CLASS}[sqlite]")
    assert _run(options=without, environment={"SESSIONS_UPSTREAM_SERDE": "safe"}) >= 1039


@pytest.mark.everything
@pytest.mark.timeout(1800)
def test_all_of_them_encrypted_by_the_store() -> None:
    """But for those that have LangGraph's `EncryptedSerializer`, which a store with a key refuses."""
    assert _run(options=_WITHOUT_CIPHER, environment=_ENCRYPTED) >= 654


@pytest.mark.everything
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("environment", [{}, _STRICT], ids=["plain", "strict"])
def test_all_of_them_on_a_server(postgres: Postgres, environment: dict[str, str]) -> None:
    """Each saver has tables of its own in one database; a third has `EncryptedSerializer`."""
    assert _run(environment={**environment, "SESSIONS_UPSTREAM_URL": postgres.new_database()}) >= 1040


@pytest.mark.everything
@pytest.mark.timeout(3600)
def test_all_of_them_encrypted_by_the_store_on_a_server(postgres: Postgres) -> None:
    where = {"SESSIONS_UPSTREAM_URL": postgres.new_database()}
    assert _run(options=_WITHOUT_CIPHER, environment={**_ENCRYPTED, **where}) >= 654

"""LangGraph's own end-to-end tests, with our saver in the place of theirs.

scripts/setup fetches them by hash. An ordinary run takes a few files; ``--everything`` takes all that run on SQLite,
with the serializer of LangGraph's, in its strict mode, and with ours.
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
_FEW = (
    "test_checkpoint_migration.py", "test_delta_channel_parallel_order.py", "test_delta_channel_to_plain.py",
    "test_delta_channel_update_state.py", "test_interruption.py", "test_subgraph_persistence.py",
    "test_subgraph_persistence_async.py",
)  # fmt: skip

_WITH_A_LOCAL_CLASS = "test_in_one_fan_out_state_graph_waiting_edge_custom_state_class_pydantic_input"


def _run(*tests: str, options: Sequence[str] = (), environment: Mapping[str, str] = _NOTHING) -> dict[str, int]:
    """Run tests in a process of its own; return how many passed and so on."""
    if not _LANGGRAPH.is_dir():
        pytest.skip("LangGraph's own tests are not here: run scripts/setup once, with the network")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    paths = (str(_PLUGIN), str(_UPSTREAM / "tools"), str(_ROOT))
    ours |= {"NO_DOCKER": "true", "PYTHONPATH": os.pathsep.join(paths), **environment}
    command = (
        sys.executable, "-m", "pytest", "-q", "-p", "our_savers", "-p", "no:cacheprovider", "-p", "no:xdist",
        "-o", "addopts=", "-o", "asyncio_default_fixture_loop_scope=function", "-W", "ignore", "-k", "sqlite",
        *options, *(f"tests/{test}" for test in tests),
    )  # fmt: skip
    done = subprocess.run(command, cwd=_LANGGRAPH, env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    return {kind: int(count) for count, kind in re.findall(r"(\d+) (\w+)", done.stdout.splitlines()[-1])}


def test_some_of_them() -> None:
    assert _run(*_FEW)["passed"] >= 100


@pytest.mark.everything
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("environment", [{}, {"LANGGRAPH_STRICT_MSGPACK": "true"}], ids=["plain", "strict"])
def test_all_of_them(environment: dict[str, str]) -> None:
    assert _run(environment=environment)["passed"] >= 1040


@pytest.mark.everything
@pytest.mark.timeout(1800)
def test_all_of_them_with_our_serializer() -> None:
    """All but one: its state has a class that is inside the test's function, where no schema's name leads to it."""
    without = ("--deselect", f"tests/test_pregel.py::{_WITH_A_LOCAL_CLASS}[sqlite]")
    assert _run(options=without, environment={"SESSIONS_UPSTREAM_SERDE": "safe"})["passed"] >= 1039


@pytest.mark.everything
@pytest.mark.timeout(3600)
def test_some_of_them_on_a_server(postgres: Postgres) -> None:
    """Each saver has tables of its own in one database."""
    assert _run(*_FEW, environment={"SESSIONS_UPSTREAM_URL": postgres.new_database()})["passed"] >= 100

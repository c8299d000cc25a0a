"""LangGraph's own tests of stores, with ours in the place of theirs; scripts/setup fetches them by hash.

Not met, and why:

- ``test_sql_injection_vulnerability``: a filter key with a quote in it is refused there; here any text is a key, which
  is never SQL, and finds nothing.
- ``test_nonnull_migrations``: about the statements of their migrations.
- ``test_ttl_override_default``: there, SQLite's store does not refresh on reading unless it is told to, against
  LangGraph's own documentation of ``refresh_on_read`` and its Postgres store; here, as documented.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_UPSTREAM = Path(sys.prefix) / "upstream"
_PLUGIN = Path(__file__).parent / "upstream"
_NOT_MET = ("test_sql_injection_vulnerability", "test_nonnull_migrations", "test_ttl_override_default")


def _run(package: str, *tests: str) -> tuple[int, int]:
    """Run tests in a process of its own; return how many passed, and how many were left out."""
    folder = _UPSTREAM / package
    if not folder.is_dir():
        pytest.skip("LangGraph's own tests are not here: run scripts/setup once, with the network")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ours["PYTHONPATH"] = os.pathsep.join((str(_PLUGIN), str(_UPSTREAM / "tools"), str(_ROOT)))
    command = (
        sys.executable, "-m", "pytest", "-q", "-p", "our_stores", "-p", "no:cacheprovider", "-p", "no:xdist",
        "-o", "addopts=", "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function",
        "-W", "ignore", "-k", " and ".join(f"not {name}" for name in _NOT_MET), *(f"tests/{test}" for test in tests),
    )  # fmt: skip
    done = subprocess.run(command, cwd=folder, env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    counts = {kind: int(count) for count, kind in re.findall(r"(\d+) (\w+)", done.stdout.splitlines()[-1])}
    return counts["passed"], counts.get("deselected", 0)


def test_those_of_the_store_in_memory() -> None:
    assert _run("langgraph_checkpoint-4.3.2", "test_store.py") == (117, 0)


def test_those_of_the_store_on_sqlite() -> None:
    """At least 95 of 100: two of the three that are left out run in memory and on a file."""
    passed, left_out = _run("langgraph_checkpoint_sqlite-3.1.2", "test_store.py", "test_async_store.py")
    assert (passed, left_out) == (139, 3)


@pytest.mark.everything
def test_those_of_expiry() -> None:
    """They wait for real ends."""
    assert _run("langgraph_checkpoint_sqlite-3.1.2", "test_ttl.py") == (10, 1)

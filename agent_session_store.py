"""The command ``sessions``, in a module that has the distribution's name.

A user's own ``sessions.py`` hides the package of that name from every import, and would be run in its place by
``python -m sessions``. This module is not hidden by it: it looks first at what an import would find.
``python -m agent_session_store`` is the same command, from any folder.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def hidden_by() -> str | None:
    """Return the path of a file or folder that Python imports as ``sessions`` instead of this package.

    None means that an import finds the package. Nothing is imported to find out.
    """
    ours = Path(__file__).resolve().parent / "sessions"
    found = find_spec("sessions")
    if found is None:
        return None
    if found.origin is None:
        (*others,) = found.submodule_search_locations or ()
        return others[0] if others else None
    path = Path(found.origin).resolve()
    return None if path.parent == ours else str(path)


def main() -> int:
    """Run the command line; return the exit code."""
    if (other := hidden_by()) is not None:
        sys.stderr.write(
            f"Python imports {other} as 'sessions', so the package of agent-session-store cannot be imported here. "
            "Rename that file or folder, or remove its folder from PYTHONPATH.\n"
        )
        return 2
    try:
        from sessions.cli.main import main as run  # noqa: PLC0415 - only after the look above

        return run()
    except KeyboardInterrupt:
        # Before the command line itself, which answers it, was imported.
        return 130


if __name__ == "__main__":
    sys.exit(main())

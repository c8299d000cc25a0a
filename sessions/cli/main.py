"""The command line, ``sessions``: its commands are in `commands.py`, each in a file of its own.

``python -m sessions`` is the same command, unless a file ``sessions.py`` in the current folder is found first.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        import click  # noqa: F401, PLC0415 - an extra
    except ModuleNotFoundError:
        from sessions.cli.without_click import run as run_without  # noqa: PLC0415 - rarely needed

        return run_without(sys.argv[1:])
    from sessions.cli.commands import COMMANDS  # noqa: PLC0415 - only with the extra
    from sessions.cli.common.running import run  # noqa: PLC0415 - as above

    return run(COMMANDS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

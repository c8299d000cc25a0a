"""`python -m sessions`: the command line."""

import sys

from sessions.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

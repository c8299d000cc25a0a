"""The command line: `python -m benchmarks.on_checkpoints`."""

from benchmarks.data import ROOT
from benchmarks.on_checkpoints import __doc__ as description
from benchmarks.on_checkpoints.parts import PARTS
from benchmarks.pages import Page

INTRODUCTION = """\
# Benchmarks of threads

Written by `python -m benchmarks.on_checkpoints`. [The benchmarks of sessions](benchmarks.md#how-it-is-measured) explain
the columns *ours / limit*, *target* and *met*. All databases are new and on this machine, and sync each commit to the
disk. A real graph runs once, and each side is asked what the graph asked of its saver, without `await`.

- **limit**: the least work that can do the job. A row and a commit for each call, which holds only what is new in it
  and needs no serializing: Python's `sqlite3`, psycopg with prepared statements, or for 64 tasks a pool of 15
  connections of asyncpg. A read is one row with the whole state, and LangGraph's serializer. Encrypted, it is ours in
  the clear, and AES-GCM of as many bytes.
- **ours**: `SessionSaver`.
- **SqliteSaver**, **PostgresSaver** and their asynchronous twins: LangGraph's savers.

*Bytes* are those that the workload adds to a database with empty tables. *The last 50* puts are those of the longest
state. *Processor time beyond serializing* is that of all threads in such a put, without what LangGraph's serializer
takes for the same values; waiting for the disk is not in it. *A new process* remembers nothing of the thread, so it
fetches all pieces. Messages have 500 bytes. *A page of 100 threads* is `saver.threads()`; LangGraph's savers only list
all checkpoints.

This run:
"""

PAGE = Page(
    path=ROOT / "docs" / "benchmarks-checkpoints.md",
    prog="python -m benchmarks.on_checkpoints",
    description=description,
    introduction=INTRODUCTION,
    parts=PARTS,
    quick="short workloads",
)

if __name__ == "__main__":
    PAGE.main()

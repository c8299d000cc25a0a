"""The command line: `python -m benchmarks.on_memories`."""

from benchmarks.data import ROOT
from benchmarks.on_memories import __doc__ as description
from benchmarks.on_memories.parts import PARTS
from benchmarks.pages import Page

INTRODUCTION = """\
# Benchmarks of memories

Written by `python -m benchmarks.on_memories`. [The benchmarks of sessions](benchmarks.md#how-it-is-measured) explain
the columns *ours / limit*, *target* and *met*. All databases are new and on this machine. SQLite and Postgres sync each
commit to the disk, MariaDB does not.

- **limit**: the least work that can do the job. By key: one table and one statement an operation, with Python's own
  `sqlite3`, or a pool of 15 connections of asyncpg or aiomysql. Filters: `json_extract` on SQLite, `jsonb` on Postgres,
  and an index of the expression where ours has a declared field. Searches: numpy in memory, one product of all vectors
  and the query, and the ten largest. The longest wait of a reader: the same reader for as long without a search.
  *On disk*: the value's JSON, two bytes a dimension and 200 bytes.
- **ours**: `store.memories`.
- **InMemoryStore**, **SqliteStore**, **PostgresStore**: LangGraph's stores. SqliteStore compares the query with every
  vector (sqlite-vec). PostgresStore uses the approximate index that it makes by default (pgvector, HNSW). Where nothing
  is searched by meaning, their asynchronous classes are measured.

The sides take turns, round by round, and all figures are medians of the rounds. Memories by key have 300 bytes; those
that are searched have a text of 40 words and one vector each, in clusters. *By both* is by meaning and by words. *The
first search* fills the cache of a process.

This run:
"""

PAGE = Page(
    path=ROOT / "docs" / "benchmarks-memories.md",
    prog="python -m benchmarks.on_memories",
    description=description,
    introduction=INTRODUCTION,
    parts=PARTS,
    quick="few memories",
)

if __name__ == "__main__":
    PAGE.main()

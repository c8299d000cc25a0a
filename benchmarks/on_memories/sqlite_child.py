"""A process with LangGraph's SqliteStore: it reads a prefix from each line of its input, and answers with keys.

Started by `peers.on_sqlite`, with a path, a number of memories and their dimensions.
"""

from __future__ import annotations

import json
import sys

from langgraph.store.sqlite import SqliteStore

from benchmarks.on_memories.data import TEN, Data
from benchmarks.on_memories.peers import index_of, operations


def main(path: str, count: int, dims: int) -> None:
    """Fill the store, and search until the input ends."""
    data = Data(count, dims)
    with SqliteStore.from_conn_string(path, index=index_of(data)) as store:
        store.setup()
        for batch in operations(data):
            store.batch(batch)
        print("ready", flush=True)
        for line in sys.stdin:
            found = store.search(tuple(json.loads(line)), query="what", limit=TEN)
            print(json.dumps([int(one.key) for one in found]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

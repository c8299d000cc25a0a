"""Memories beside LangGraph's stores and the limit, on SQLite, Postgres and MariaDB, in one run.

    python -m benchmarks.on_memories                    # about half an hour; writes docs/benchmarks-memories.md
    python -m benchmarks.on_memories --quick            # a smoke run: does everything work? writes nothing
    python -m benchmarks.on_memories --only "By key"    # the parts whose name contains that

Run it from the project's root.
"""

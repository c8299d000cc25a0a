"""Threads of LangGraph beside its own savers and the limit, on SQLite and Postgres, in one run.

    python -m benchmarks.on_checkpoints                 # under twelve minutes; writes docs/benchmarks-checkpoints.md
    python -m benchmarks.on_checkpoints --quick         # a smoke run: does everything work? writes nothing
    python -m benchmarks.on_checkpoints --only chat     # the parts whose name contains that

Run it from the project's root.
"""

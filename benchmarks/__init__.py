"""The cost of a session, as a ratio to the least work that can do the job, and to a peer.

Every workload is run by three sides in turn (limit, ours, the OpenAI Agents SDK's session, limit, ours …),
each in a process of its own on a file of its own, so that a busy moment of the machine hits all of them
alike. The ratios count; the absolute figures are those of one machine on one day.

    python -m benchmarks                    # all rows, about five minutes; writes docs/benchmarks.md
    python -m benchmarks --quick            # a smoke run: does everything work? writes nothing
    python -m benchmarks --only web         # the rows whose name contains "web"
    python -m benchmarks --dir /mnt/disk    # where the databases are made: a real disk, not a RAM disk
    python -m benchmarks.summary            # renews the heads of the documents from their tables

Run it from the project's root. A new workload is a new class in `benchmarks/rows/`.
"""

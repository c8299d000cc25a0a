"""SQLite: one writing and one reading connection for each file and process, shared by all who use it.

A connection lives on a thread of its own. Whoever wants something of it puts a job in its lane and waits; the thread
takes all jobs that wait and does them in one transaction, so that many writers pay for one sync to the disk.
"""

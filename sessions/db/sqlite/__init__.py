"""SQLite: one writing and one reading connection for each file and process, shared by all users.

A connection lives on a thread of its own. A caller puts a job in its lane and waits; the thread takes all waiting jobs
and does them in one transaction, so that many writers pay for one sync to the disk.
"""

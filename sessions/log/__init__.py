"""The log: append, read, pop, clear … written once for every database.

Each operation is a plain function over a `Transaction`. A store decides where a transaction runs; the log never asks
which database it is on.
"""

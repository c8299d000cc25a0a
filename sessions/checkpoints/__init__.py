"""Threads of checkpoints, such as a graph's runs write: states of named channels, of which only the new parts are kept.

A thread's state is kept as its differences. A channel's value is cut into parts (a list its items, a dictionary its
pairs, anything else one part), and a version of a value is a few ranges of pieces, each of which says which parts it
takes from the version before and which it adds. So a thread's bytes grow with its changes, and each checkpoint
says by itself which pieces make its values: a fork, a look at the past and pruning replay nothing.

Here are only bytes: which object a part stands for is known to the adapters above.
"""

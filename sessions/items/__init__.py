"""Which items of a conversation a model's provider takes only together.

`rounds` says of several items which belong together, `older` which of them a summary can stand for, and `placeholders`
what stands for an output that was never recorded. `sessions.items.calls` says which calls one item makes or answers.
"""

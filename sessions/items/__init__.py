"""Which items of a conversation a model's provider takes only together.

`rounds` groups items that belong together, `older` finds those that a summary can replace, and `placeholders` makes
outputs in place of missing ones. `sessions.items.calls` says which calls one item makes or answers.
"""

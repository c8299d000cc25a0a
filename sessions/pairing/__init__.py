"""Which items of a conversation a model's provider takes only together.

`calls` says of one item which calls it makes or answers, `rounds` of several which belong together, and
`placeholders` what stands for an output that was never recorded.
"""

"""Words of texts in any script, and rows of hashed words: searches of memories and of conversations share them.

Nothing here knows a database, and nothing needs numpy.
"""

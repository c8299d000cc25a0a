"""Copying a branch into a session of its own, page by page: from where it is read, and to where it is written."""

"""How callers wait: on their event loop, or blocking their thread."""

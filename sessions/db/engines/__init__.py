"""Databases behind SQLAlchemy, as callers hold them: by their own engine, or by a URL with an engine per event loop."""

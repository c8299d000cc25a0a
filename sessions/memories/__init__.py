"""The objects through which users hold memories."""

"""Retention, erasing owners, and the audit."""

"""Engines, event loops, forks and tables that come and go while a program runs."""

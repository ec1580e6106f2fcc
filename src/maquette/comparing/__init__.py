"""Comparing runs, and whether a difference between them is more than chance."""

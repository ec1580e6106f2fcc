"""Reporting: the page of a run, and its pictures."""

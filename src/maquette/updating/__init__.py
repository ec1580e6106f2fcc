"""Keeping a project up to date with the template that it was made from."""

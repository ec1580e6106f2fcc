"""Data sources: one per file, found by listing this folder."""

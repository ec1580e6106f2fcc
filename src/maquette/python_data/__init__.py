"""Data in memory as data sources: written to files once, and opened like any other."""

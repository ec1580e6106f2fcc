"""Templates: one file per system, found by listing this folder."""

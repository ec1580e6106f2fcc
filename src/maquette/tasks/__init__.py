"""Tasks: what kind of thing a template does, and how raw data becomes tensors for it."""

"""Keras callbacks: one idea per file, usable in any `fit`."""

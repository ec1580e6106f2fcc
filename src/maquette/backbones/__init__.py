"""Backbones: networks that turn an image into features, and their published weights."""

"""Judging generated images: distances of distributions, a classifier as judge, nearest images."""

"""The verbs of the command line, each a thin layer over a function of the library."""

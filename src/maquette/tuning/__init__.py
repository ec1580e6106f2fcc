"""Tuning: trials of a template's options, proposed by KerasTuner's oracles and two of our own."""

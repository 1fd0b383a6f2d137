"""Timed performance: `make bench`, or one with `make bench BENCH=name`. Tests never time anything; this folder does."""

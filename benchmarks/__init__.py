"""Rates of every stage, side by side with peers in the same run: ``python -m benchmarks``."""

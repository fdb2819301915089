"""Comparisons with other programs and with published numbers: ``python -m validation``."""

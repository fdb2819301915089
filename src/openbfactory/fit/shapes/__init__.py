"""Shapes for unbinned fits, one idea a file, parameters always in the order given there."""

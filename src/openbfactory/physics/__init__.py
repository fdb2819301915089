"""Cited inputs as data, and theory: particles, decay tables, form factors, rates."""

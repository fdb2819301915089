"""Detector objects to candidates: selected lists, vertices, event shape, the inclusive tag, truth matching."""

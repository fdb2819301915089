"""Scenes: what an event display draws of an event, prepared from the columns of an event file."""

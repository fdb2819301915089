"""Open software for B-factory physics."""

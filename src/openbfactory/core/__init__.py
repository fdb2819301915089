"""Units, errors, diagnostics, addressed random numbers, configuration, provenance."""

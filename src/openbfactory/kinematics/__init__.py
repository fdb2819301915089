"""Four-vectors, boosts and phase space: pure compiled kernels on arrays."""

"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the reference inputs; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"reference inputs are absent ({SHARED})")
    return SHARED

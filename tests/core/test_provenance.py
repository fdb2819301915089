"""Provenance. Oracle: the installed versions."""

import numpy

from openbfactory.core.provenance import Provenance


def test_records_versions_and_nothing_that_changes_between_runs():
    first, second = Provenance("hash", 1, ("b", "a")), Provenance("hash", 1, ("b", "a"))
    assert first.to_dict() == second.to_dict()
    assert first.libraries["numpy"] == numpy.__version__
    assert set(first.to_dict()) == {"config_hash", "seed", "references", "version", "libraries"}

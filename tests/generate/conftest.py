"""Primaries and machine for the tests of generation."""

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged


@pytest.fixture(scope="session")
def machine():
    from openbfactory.experiment import load_card

    return load_card("belle2").machine


@pytest.fixture
def primaries():
    def make(pdg, n, mass, pz=0.0):
        columns = {c.name: c.empty(n) for c in MC_PARTICLES.required}
        columns["PDG"][:], columns["mother"][:] = pdg, -1
        columns["pz"][:], columns["E"][:] = pz, np.hypot(mass, pz)
        return Jagged(np.arange(n + 1), columns)

    return make


@pytest.fixture
def address():
    return Address(1, "test", 0)

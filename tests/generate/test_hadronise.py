"""Partonic decays by Pythia and their use. Oracle: conservation of charge and energy, the mass at hand, the seeds."""

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.generate.hadronise import MOTHERS, PartonicDecays, declarations, hadronised, partonic_mothers
from openbfactory.generate.partonic import scale_to_mass
from openbfactory.physics.decaycache import load_decay_table


@pytest.fixture(scope="module")
def table():
    return load_decay_table()


@pytest.mark.parametrize("name", ["B+", "anti-B0", "J/psi", "anti-Xi_c0", "Xsu", "eta_b"])
def test_blocks_conserve_charge_and_are_seeded(table, name):
    declared = declarations(table)
    pool = [str(table.names[s]) for s in partonic_mothers(table)].index(name)
    first, species, momenta = hadronised(table, declared, pool, 2, 11)
    assert len(first) == 2 * MOTHERS + 1
    charge = np.add.reduceat(table.charge3[species], first[:-1])
    assert set(charge.tolist()) == {int(table.charge3[table.index[name]])}
    np.testing.assert_allclose(np.add.reduceat(momenta[:, 1:4], first[:-1]), 0, atol=1e-12)
    again = hadronised(table, declared, pool, 2, 11)
    for a, b in zip((first, species, momenta), again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(momenta[:5], hadronised(table, declared, pool, 2, 12)[2][:5])


def test_refilling_keeps_what_is_left(table):
    decays = PartonicDecays(table, Address(1, "x"))
    pools = decays.refill(3)
    pools.next[3] += 60
    rest = pools.momenta[pools.first[pools.next[3]]:pools.first[pools.end[3]]].copy()
    more = decays.refill(5)
    assert more.end[3] - more.next[3] == MOTHERS - 60
    np.testing.assert_array_equal(more.momenta[more.first[more.next[3]]:more.first[more.end[3]]], rest)
    assert more.end[5] - more.next[5] == MOTHERS


def test_momenta_are_scaled_to_the_mass_at_hand():
    rng = np.random.default_rng(1)
    momenta, masses = np.zeros((4, 4)), np.array([0.14, 0.5, 0.0, 0.9])
    momenta[:, 1:] = rng.normal(size=(4, 3))
    momenta[3, 1:] = -momenta[:3, 1:].sum(axis=0)
    direction = momenta[:, 1:] / np.linalg.norm(momenta[:, 1:], axis=1, keepdims=True)
    assert scale_to_mass(momenta, masses, 4, 2.3)
    assert momenta[:, 0].sum() == pytest.approx(2.3, abs=1e-12)
    np.testing.assert_allclose(momenta[:, 1:].sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(momenta[:, 1:] / np.linalg.norm(momenta[:, 1:], axis=1, keepdims=True), direction)
    assert not scale_to_mass(momenta, masses, 4, 1.5)


def test_the_charmed_share_of_partonic_b_decays(table):
    """Nearly all partonic B decays are b -> c: the file's branching fractions say how many charm quarks there are."""
    pool = [str(table.names[s]) for s in partonic_mothers(table)].index("B+")
    _, species, _ = hadronised(table, declarations(table), pool, 16, 5)
    charm = sum(1 for c in table.channels_of("B+") if table.models[table.model[c]] == "PYTHIA" for _ in [0]
                if any(abs(int(table.pdg[d])) in (4, 4103, 4203, 4303, 4101, 4201, 4301)
                       for d in table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]]))
    assert charm > 5
    codes = np.abs(table.pdg[species])
    charmed = (codes // 1000 % 10 == 4) | ((codes // 1000 % 10 == 0) & (codes // 100 % 10 == 4))
    assert 0.9 < charmed.sum() / (16 * MOTHERS) < 1.4


def test_masses_are_those_of_the_decay_table(table):
    pool = [str(table.names[s]) for s in partonic_mothers(table)].index("B+")
    _, species, momenta = hadronised(table, declarations(table), pool, 16, 5)
    mass, low, high = momenta[:, 4], table.mass_low[species], table.mass_high[species]
    assert np.all((mass >= low - 1e-6) & (mass <= high + 1e-6))
    wide = np.isin(np.abs(table.pdg[species]), (113, 213))
    assert mass[wide].max() > 1.5  # where the window of Pythia's own table ends

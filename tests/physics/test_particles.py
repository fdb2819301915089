"""The species table. Oracle: values of the Particle Data Group typed in here, and conservation of quantum numbers."""

import pytest

from openbfactory.core.errors import UnknownNameError
from openbfactory.physics.particles import conjugate_name, is_parton, mass, species, species_of, species_table


def test_masses_are_in_gev_and_lifetimes_in_cm():
    assert species("B+").mass == pytest.approx(5.2794, abs=3e-4)
    assert species("B+").ctau == pytest.approx(0.0491, rel=0.01)
    assert species("K_S0").ctau == pytest.approx(2.684, rel=0.001)
    assert species("tau-").ctau == pytest.approx(87.03e-4, rel=0.002)
    assert species("rho0").width == pytest.approx(0.1474, rel=0.02)


def test_charges_spins_and_numbers():
    assert (species("pi+").charge3, species("D*+").spin2, species("Lambda0").spin2) == (3, 2, 1)
    assert species("anti-Lambda0").baryon_number == -1
    assert species("deuteron").baryon_number == 2
    assert species("mu+").lepton_number(1) == -1
    assert species("nu_tau").lepton_number(2) == 1
    assert species("cs_1").baryon_number == 0


def test_antiparticles():
    assert conjugate_name("B+") == "B-"
    assert conjugate_name("pi0") == "pi0"
    for entry in species_table().values():
        other = species(conjugate_name(entry.name))
        assert other.mass == entry.mass, entry.name
        assert other.charge3 == -entry.charge3 or other.pdg == entry.pdg, entry.name


def test_partons():
    assert is_parton(21)
    assert is_parton(-4303)
    assert not is_parton(421)
    assert not is_parton(2212)


def test_unknown_names_get_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        species("K_SO")
    assert caught.value.nearest == "K_S0"
    with pytest.raises(UnknownNameError):
        species_of(123456)
    assert mass(211) == species("pi-").mass

"""Addressed generators. Oracle: the definition (equal addresses, equal streams), a chi-square test of independence."""

import itertools

import numpy as np
import pytest
from scipy.stats import chi2

from openbfactory.core.random import PYTHIA_SEED_MAX, Address

ADDRESSES = [
    Address(1, "charged"), Address(2, "charged"), Address(1, "mixed"), Address(1, "charged", 1),
    Address(1, "charged", 0, "simulate"), Address(11, "charged"), Address(1, "1charged"),
]


def test_same_address_gives_the_same_stream():
    assert np.array_equal(ADDRESSES[0].generator().random(100), Address(1, "charged", 0, "run").generator().random(100))


def test_every_part_of_the_address_matters():
    first = [a.generator().random() for a in ADDRESSES]
    assert len(set(first)) == len(ADDRESSES)
    assert len({a.pythia_seed() for a in ADDRESSES}) == len(ADDRESSES)


def test_parts_cannot_run_into_each_other():
    assert Address(1, "a", 1, "b").digest() != Address(1, "a\x1f1", 1, "b").digest()[:31] + b"x"
    assert Address(1, "1", 1).digest() != Address(11, "", 1).digest()


@pytest.mark.parametrize("address", ADDRESSES)
def test_pythia_seed_is_in_range(address):
    assert 1 <= address.pythia_seed() <= PYTHIA_SEED_MAX


def independence(first: np.ndarray, second: np.ndarray) -> float:
    """p-value that two streams fill a 10 x 10 table like independent flat numbers."""
    counts = np.histogram2d(first, second, bins=10, range=[[0, 1], [0, 1]])[0]
    expected = len(first) / 100
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), 99))


def test_neighbouring_chunks_are_independent():
    """False-alarm rate 1e-6 over 20 pairs; the planted fault (the same stream) is caught."""
    streams = [Address(7, "charged", chunk).generator().random(20_000) for chunk in range(21)]
    assert min(independence(a, b) for a, b in itertools.pairwise(streams)) > 5e-8
    assert independence(streams[0], streams[0]) < 5e-8

"""Binnings and histograms.  Oracles: numpy's histogram functions and the bin order of the published workspace."""

from __future__ import annotations

import json

import numpy as np
import pytest

from openbfactory.core.config import validate
from openbfactory.core.errors import ConfigError, InputError
from openbfactory.core.random import Address
from openbfactory.select.binning import (
    OUTSIDE,
    Axis,
    Binning,
    Bins,
    add_histograms,
    empty,
    fill,
    from_dict,
    weighted_sum,
)

KNUNU = Binning(axes=(Axis(name="q2_rec", edges=(-1, 4, 8, 25), unit="GeV^2"),
                      Axis(name="eta", edges=(0.92, 0.94, 0.96, 0.98, 1.0))))


def events(size=5000):
    rng = Address(1, "binning").generator()
    return {"q2_rec": rng.uniform(-3, 27, size), "eta": rng.uniform(0.9, 1.0, size)}, rng.normal(1, 0.5, size)


def test_q2_is_fastest():
    columns = {"q2_rec": [0, 5, 10, 0, 5, 10, 0], "eta": [0.93, 0.93, 0.93, 0.95, 0.95, 0.95, 0.99]}
    np.testing.assert_array_equal(KNUNU.index(columns), [0, 1, 2, 3, 4, 5, 9])
    assert KNUNU.size == 12
    assert KNUNU.ranges(4) == ((4, 8), (0.94, 0.96))


def test_edges_belong_to_the_upper_bin_and_the_last_edge_to_the_last_bin():
    columns = {"q2_rec": [-1, 4, 25, 25.0001, 4, np.nan, -1.01], "eta": [0.92, 0.94, 1.0, 1.0, 0.9199, 0.95, 0.95]}
    np.testing.assert_array_equal(KNUNU.index(columns), [0, 4, 11, OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE])


def test_contents_are_numpys():
    columns, weights = events()
    ours = fill(KNUNU, columns, weights)
    edges = [np.array(a.edges) for a in KNUNU.axes]
    for array, w in ((ours.values, weights), (ours.variances, weights**2), (ours.counts, None)):
        numpy2d = np.histogram2d(columns["q2_rec"], columns["eta"], edges, weights=w)[0]
        np.testing.assert_allclose(array, numpy2d.ravel(order="F"), rtol=1e-12)
    flat = fill(KNUNU, columns).projection("eta")
    inside = (columns["q2_rec"] >= -1) & (columns["q2_rec"] <= 25)
    np.testing.assert_array_equal(flat.values, np.histogram(columns["eta"][inside], edges[1])[0])


def test_planted_fault_the_other_order_is_caught():
    columns, weights = events()
    wrong = np.histogram2d(columns["q2_rec"], columns["eta"], [np.array(a.edges) for a in KNUNU.axes], weights=weights)
    assert not np.allclose(fill(KNUNU, columns, weights).values, wrong[0].ravel(order="C"))


def test_chunks_add_up_to_the_whole():
    columns, _ = events(999)
    weights = np.arange(999) % 7 + 1.0
    parts = [fill(KNUNU, {k: v[i::3] for k, v in columns.items()}, weights[i::3]) for i in range(3)]
    total, whole = add_histograms([empty(KNUNU), *parts]), fill(KNUNU, columns, weights)
    np.testing.assert_array_equal(total.values, whole.values)
    np.testing.assert_array_equal(total.variances, whole.variances)
    np.testing.assert_array_equal(whole.scaled(2.0).uncertainties, 2 * whole.uncertainties)


def test_json_round_trip_is_exact_and_arrays_are_frozen():
    histogram = fill(KNUNU, *events())
    copy = from_dict(json.loads(json.dumps(histogram.to_dict())))
    np.testing.assert_array_equal(copy.variances, histogram.variances)
    with pytest.raises(ValueError, match="read-only"):
        copy.values[0] = 1.0


def test_mistakes_are_named():
    with pytest.raises(InputError, match="did you mean 'Eta'"):
        fill(KNUNU, {"q2_rec": [1.0], "Eta": [0.95]})
    with pytest.raises(InputError, match="wrong-length"):
        fill(KNUNU, {"q2_rec": [1.0, 2.0], "eta": [0.95]})
    with pytest.raises(InputError, match="finite"):
        fill(KNUNU, {"q2_rec": [1.0], "eta": [0.95]}, [np.nan])
    with pytest.raises(InputError, match="other-bins"):
        _ = empty(KNUNU) + empty(Binning(axes=KNUNU.axes[:1]))
    with pytest.raises(InputError, match="unknown-axis"):
        empty(KNUNU).projection("q2")
    with pytest.raises(ConfigError, match="rise strictly"):
        validate({"name": "x", "edges": [1, 1]}, Axis, source="axis")
    for broken in ({}, {**empty(KNUNU).to_dict(), "values": [1.0]}, {**empty(KNUNU).to_dict(), "counts": "abc"}):
        with pytest.raises(InputError):
            from_dict(broken)


def test_empty_input():
    assert fill(KNUNU, {"q2_rec": [], "eta": []}, []).values.tolist() == [0.0] * 12


def test_slices_and_weighted_sums_are_those_of_numpy():
    """Each slice of one axis is numpy's histogram of the events in it; a weight counts once, its square as variance."""
    columns, _ = events()
    both = weighted_sum(KNUNU, [(columns, 2.0), ({n: c[:100] for n, c in columns.items()}, 3.0)])
    q2, eta = (np.array(a.edges) for a in KNUNU.axes)
    for k, part in enumerate(both.slices("eta")):
        inside = (columns["eta"] >= eta[k]) & (columns["eta"] < eta[k + 1])
        first, second = (np.histogram(columns["q2_rec"][m], q2)[0] for m in (inside, inside & (np.arange(5000) < 100)))
        np.testing.assert_array_equal(part.values, 2 * first + 3 * second)
        np.testing.assert_array_equal(part.variances, 4 * first + 9 * second)
    with pytest.raises(InputError, match="no axis beside"):
        both.projection("eta").slices("eta")
    np.testing.assert_allclose(Bins(range=(0.2, 2.0), bins=18).edges, np.linspace(0.2, 2.0, 19))


def test_independent_axes_give_the_product_of_the_projections():
    """The product has the projections of the histogram; a correlation (a planted fault) it has not."""
    columns, _ = events(50_000)
    for shift, alike in ((0.0, True), (100.0, False)):
        moved = {**columns, "q2_rec": columns["q2_rec"] + shift * (columns["eta"] - 0.95)}
        found = fill(KNUNU, moved)
        product = found.factorised()
        for name in KNUNU.names:
            np.testing.assert_allclose(product.projection(name).values, found.projection(name).values)
        chi2 = np.sum((product.values - found.values) ** 2 / found.values)
        assert (chi2 < 30) == alike  # six degrees of freedom
        assert (product.uncertainties < found.uncertainties).all()
    with pytest.raises(InputError, match="two axes"):
        found.projection("eta").factorised()

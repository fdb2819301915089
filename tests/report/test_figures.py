"""Figures.  Oracles: what matplotlib holds after drawing (labels, heights, limits), equality of bytes."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from pydantic import ValidationError

from openbfactory.core.errors import UnknownNameError
from openbfactory.report.classifiers import classifier_outputs, importance_ranking, normalised_shapes
from openbfactory.report.comparisons import efficiency_comparison, yield_comparison
from openbfactory.report.distributions import data_on_simulation, stacked_histogram
from openbfactory.report.fitted import binned_fit
from openbfactory.report.likelihood import likelihood_profile, pulls
from openbfactory.report.records import (
    Contribution,
    DataPoints,
    EfficiencyCurve,
    Number,
    Pull,
    PullList,
    StackedHistogram,
    YieldComparison,
)
from openbfactory.report.style import CATEGORIES, category_colors, category_label, in_order, style, to_png, to_svg


def legend(figure):
    return [t.get_text() for t in figure.axes[0].get_legend().get_texts()]


@pytest.fixture(params=["stack", "outputs", "ranking", "profile", "yields", "efficiency", "pull_list"])
def draw(request):
    """Function that draws one kind of figure."""
    function = {"stack": stacked_histogram, "outputs": classifier_outputs, "ranking": importance_ranking,
                "profile": likelihood_profile, "yields": yield_comparison, "efficiency": efficiency_comparison,
                "pull_list": pulls}[request.param]
    record = request.getfixturevalue(request.param)
    return lambda: function(record)


def test_every_figure_is_drawn_the_same_twice_and_has_a_label_below(draw):
    first, second = draw(), draw()
    svg = to_svg(first)
    assert svg == to_svg(second)
    assert svg == to_svg(first)
    assert "<svg" in svg
    assert "dc:date" not in svg
    assert first.axes[-1].get_xlabel()


def inside(figure):
    """Whether everything drawn stays on the page, to 0.01 inch."""
    to_svg(figure)
    width, height = figure.get_size_inches()
    with style():
        box = figure.get_tightbbox()
    return box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01


def test_nothing_leaves_the_figure(draw):
    assert inside(draw())


def test_nothing_leaves_a_figure_with_long_names_and_a_planted_fault_is_caught():
    figure = pulls(PullList(pulls=tuple(Pull(name=f"staterror_signal_region_{i}", pull=0.1) for i in range(40))))
    assert inside(figure)
    figure.axes[0].text(1.2, 0.5, "outside", transform=figure.axes[0].transAxes)
    assert not inside(figure)


def test_ratio_panel_shows_the_whole_band(stack):
    parts = tuple(c.model_copy(update={"variances": tuple(0.3 * v**2 for v in c.values)}) for c in stack.contributions)
    low, high = stacked_histogram(stack.model_copy(update={"contributions": parts})).axes[1].get_ylim()
    total = np.sum([c.values for c in parts], axis=0)
    band = np.sqrt(np.sum([c.variances for c in parts], axis=0)) / total
    assert low <= 1 - band.max()
    assert high >= 1 + band.max()


def test_drawing_leaves_the_global_settings_alone(stack):
    before = dict(matplotlib.rcParams)
    to_png(stacked_histogram(stack), 40)
    assert dict(matplotlib.rcParams) == before


def test_records_travel_through_json(stack, yields, profile):
    for record in (stack, yields, profile):
        assert type(record).model_validate_json(record.model_dump_json()) == record


def test_stack_is_the_sum_and_its_order_is_fixed(stack):
    figure = stacked_histogram(stack)
    assert legend(figure) == ["pseudo-data", *(c.latex for c in CATEGORIES.values()), "sim. uncertainty",
                              r"signal $\times\,20$"]
    outline = [p.get_data() for p in figure.axes[0].patches if hasattr(p, "get_data")]
    total = np.sum([c.values for c in stack.contributions], axis=0)
    assert any(np.allclose(data.values, total) for data in outline)
    shuffled = stack.model_copy(update={"contributions": stack.contributions[::-1]})
    assert to_svg(stacked_histogram(shuffled)) == to_svg(figure)


def test_stack_without_data_has_one_panel_and_log_scale_stays_positive(stack):
    record = stack.model_copy(update={"data": None, "overlay": None, "log": True})
    figure = stacked_histogram(record)
    assert len(figure.axes) == 1
    assert figure.axes[0].get_ylim()[0] > 0


def test_empty_histograms_and_single_bins_are_drawn():
    empty = StackedHistogram(edges=(0.0, 1.0), xlabel="x", contributions=(Contribution(key="signal", values=(0.0,)),))
    for log in (False, True):
        to_png(stacked_histogram(empty.model_copy(update={"log": log})), 40)


def test_unequal_bins_do_not_state_a_width(stack):
    record = StackedHistogram(edges=(-1.0, 4.0, 8.0, 25.0), xlabel="x", unit="GeV",
                              contributions=(Contribution(key="charged", values=(1.0, 2.0, 3.0)),))
    assert stacked_histogram(record).axes[0].get_ylabel() == "events / bin"
    assert stacked_histogram(stack).axes[0].get_ylabel() == r"events / 1 $\mathrm{GeV}^2$"


def test_yields_show_both_sums(yields):
    figure = yield_comparison(yields)
    tops = {round(float(b.get_y() + b.get_height()), 6) for b in figure.axes[0].patches if hasattr(b, "get_height")}
    for side in (yields.published, yields.here):
        for total in np.sum([c.values for c in side.contributions], axis=0):
            assert round(float(total), 6) in tops


def test_colours_stay_apart_also_for_the_colour_blind():
    """Simulated with the matrices of Machado et al. (2009), severity 1; smallest distance in linear RGB above 0.05."""
    matrices = {
        "normal": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    }
    colours = np.array([to_rgb(c.color) for c in CATEGORIES.values()]) ** 2.2
    for matrix in matrices.values():
        seen = colours @ np.array(matrix).T
        distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1)[np.triu_indices(len(seen), 1)]
        assert distance.min() > 0.05


def test_unknown_categories_need_a_label_and_get_a_free_colour():
    with pytest.raises(UnknownNameError, match="did you mean 'charged'"):
        category_label("chargd")
    entries = [Contribution(key="charged", values=(1.0,)), Contribution(key="D0", values=(1.0,), label="$D^0$")]
    colors = category_colors(entries)
    assert colors["D0"] != colors["charged"]
    assert in_order(["D0", "taupair", "signal"]) == ["signal", "taupair", "D0"]


@pytest.mark.parametrize("build", [
    lambda: StackedHistogram(edges=(0, 1, 2), xlabel="x", contributions=(Contribution(key="a", values=(1.0,)),)),
    lambda: Contribution(key="a", values=(1.0,), variances=(1.0, 2.0)),
    lambda: Contribution(key="a", values=(float("nan"),)),
    lambda: EfficiencyCurve(label="a", edges=(0, 1), values=(0.1, 0.2)),
])
def test_wrong_lengths_and_missing_numbers_are_refused(build):
    with pytest.raises(ValidationError):
        build()


def test_groups_must_add_up(yields):
    with pytest.raises(ValidationError, match="add up to 12"):
        YieldComparison.model_validate({**yields.model_dump(), "groups": [["all", 11]]})


def test_style_is_a_context():
    before = matplotlib.rcParams["font.size"]
    with style():
        assert matplotlib.rcParams["svg.hashsalt"] == "openbfactory"
    assert matplotlib.rcParams["font.size"] == before


def test_numbers_of_measurements_are_propagated():
    """Relative uncertainties in quadrature; nothing is divided by a numerator of 0."""
    a, b = Number.counted(400), Number.of((100.0, 5.0))
    assert a.over(b).value == 4
    assert a.over(b).uncertainty == pytest.approx(4 * np.hypot(0.05, 0.05))
    assert a.times(b).uncertainty == pytest.approx(40_000 * np.hypot(0.05, 0.05))
    assert Number.of(Number(value=2.0)).over(Number(value=4.0)) == Number(value=0.5, uncertainty=0.0)
    assert Number.of((0.0, 2.0)).over(b).uncertainty == pytest.approx(0.02)
    points, curve = DataPoints.counted([4, 0]), EfficiencyCurve.symmetric("a", [0, 1, 2], [0.5, np.nan], [0.1, 0.0])
    assert (points.low, points.high) == ((2.0, 0.0), (6.0, 0.0))
    assert (curve.low, curve.high) == ((0.4, None), (0.6, None))


def test_figures_of_plain_arrays_hold_what_was_given():
    edges = np.array([0.0, 1.0, 2.0])
    drawn = data_on_simulation(edges, [5, 7], {"one": ([20, 20], "red"), "two": ([20, 30], "blue")}, 0.1, xlabel="x")
    assert drawn.axes[1].get_lines()[-1].get_ydata() == pytest.approx([5 / 4, 7 / 5])
    assert legend(drawn)[:2] == ["data-like", "one"]
    shapes = normalised_shapes({"a": np.array([0.5, 0.5, 1.5, np.nan])}, edges, "x", {"a": ("first", "red")})
    assert shapes.axes[0].patches[0].get_data().values == pytest.approx([2 / 3, 1 / 3])
    fit = binned_fit(edges, [9, 16], {"fit": [4, 16], "background": [1, 1]}, ("background",), xlabel="x")
    assert set(legend(fit)) == {"fit", "background", "simulated data"}
    assert [bar.get_height() for bar in fit.axes[1].patches] == pytest.approx([2.5, 0.0])

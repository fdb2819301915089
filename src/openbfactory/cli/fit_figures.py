"""Figures of ``obf fit --figures DIR``: whatever the record holds is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: most rows of a figure of nuisances
SHOWN = 25


def write(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Files (PNG and PDF) of the figures of a record.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    from openbfactory.core.diagnostics import Findings
    from openbfactory.core.errors import InputError
    from openbfactory.report.style import style, to_png

    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, drawn in _figures(document).items():
            with style():
                drawn.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
            (folder / f"{name}.png").write_bytes(to_png(drawn))
            written += [folder / f"{name}.png", folder / f"{name}.pdf"]
    except OSError as problem:
        findings = Findings(str(folder))
        findings.error("unwritable", "", f"cannot write the figures: {problem.strerror}")
        raise InputError(findings) from None
    return written


def _figures(document: Mapping[str, Any]) -> dict[str, Figure]:
    """Figures by name."""
    from openbfactory.report.likelihood import pulls
    from openbfactory.report.records import Pull, PullList

    poi, drawn = document["poi"], {}
    pulled = sorted((p for p in document["parameters"] if p["pull"] is not None), key=lambda p: -abs(p["pull"]))
    if pulled:
        rows = tuple(Pull(name=p["name"], pull=p["pull"], constraint=p["constraint"]) for p in pulled[:SHOWN])
        note = "" if len(pulled) <= SHOWN else f"largest {SHOWN} of {len(pulled)}"
        drawn["pulls"] = pulls(PullList(pulls=rows, note=note, simulated=False))
    for number, channel in enumerate(document.get("yields", ()), start=1):
        for when in ("before", "after"):
            drawn[f"channel_{number}_{when}_fit"] = _stack(channel, when)
    if "scan" in document:
        drawn["scan"] = _scan(document, poi)
    if "ranking" in document:
        drawn["ranking"] = _ranking(document["ranking"], poi)
    if "contour" in document:
        drawn["contour"] = _contour(document["contour"])
    if "projection" in document:
        drawn["projection"] = _projection(document["projection"], poi)
    return drawn


def _stack(channel: Mapping[str, Any], when: str) -> Figure:
    """Stack of the samples of a channel with the data; the smallest of more than seven are drawn together."""
    from openbfactory.report.distributions import stacked_histogram
    from openbfactory.report.records import Contribution, DataPoints, StackedHistogram
    from openbfactory.select.intervals import poisson_interval

    bins, samples = len(channel["observed"]), channel[when]
    order = sorted(samples, key=lambda n: -sum(channel["before"][n]))
    kept, rest = (order, []) if len(order) <= 7 else (order[:6], order[6:])
    rows = {n: samples[n] for n in kept}
    if rest:
        rows["others"] = [sum(samples[n][k] for n in rest) for k in range(bins)]
    # the band is that of the sum: all of it goes with the first row
    variances = [u * u for u in channel[f"{when}_uncertainty"]]
    # the space keeps samples that are called like a category from taking its colour, which another one may have
    parts = tuple(Contribution(key=f"{n} ", values=values, variances=None if k else variances, label=_short(n))
                  for k, (n, values) in enumerate(rows.items()))
    low, high = poisson_interval(channel["observed"])
    data = DataPoints(values=channel["observed"], low=low, high=high)
    title = _short(channel["channel"])
    return stacked_histogram(StackedHistogram(edges=[k + 0.5 for k in range(bins + 1)], contributions=parts, data=data,
                                              xlabel=f"bin of {title}", note=f"{when} the fit", simulated=False))


def _short(name: str) -> str:
    """A name that fits a legend, its signs as they are."""
    text = name if len(name) <= 28 else f"{name[:12]}...{name[-13:]}"
    return text.replace("$", r"\$")


def _scan(document: Mapping[str, Any], poi: str) -> Figure:
    from openbfactory.report.likelihood import likelihood_profile
    from openbfactory.report.records import LikelihoodProfile, ProfileLine

    low, high = (None if end is None else document["value"] + end for end in document["interval"])
    line = ProfileLine(label="profile", values=document["scan"]["values"],
                       twice_delta_nll=document["scan"]["delta"])
    return likelihood_profile(LikelihoodProfile(lines=(line,), xlabel=poi, value=document["value"],
                                                interval=(low, high), simulated=False))


def _ranking(rows: list[dict[str, Any]], poi: str) -> Figure:
    from openbfactory.report.fit_records import RankedNuisance, RankingList
    from openbfactory.report.fits import ranking

    return ranking(RankingList(nuisances=tuple(RankedNuisance(**row) for row in rows[:SHOWN]), poi=poi))


def _contour(found: Mapping[str, Any]) -> Figure:
    from openbfactory.report.fit_records import Contour
    from openbfactory.report.fits import contour

    (x, y), (first, second) = found["values"], found["parameters"]
    return contour(Contour(x=x, y=y, delta=tuple(found["delta"]), xlabel=first, ylabel=second,
                           best=tuple(found["best"])))


def _projection(rows: list[dict[str, Any]], poi: str) -> Figure:
    from openbfactory.report.fit_records import ProjectionCurve
    from openbfactory.report.fits import projection

    finite = sorted((r for r in rows if r["factor"] is not None), key=lambda r: float(r["factor"]))
    finite = finite if len(finite) > 1 else [*finite, *finite]
    floor = next((r["total"] for r in rows if r["factor"] is None), None)
    return projection(ProjectionCurve(
        luminosity=[r["factor"] for r in finite], total=[r["total"] for r in finite],
        statistical=[r["statistical"] for r in finite], systematic=[r["systematic"] for r in finite], floor=floor,
        xlabel="luminosity / that of the workspace", ylabel=f"uncertainty of {poi}"))

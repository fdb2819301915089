"""Figures of classifiers: outputs by category on training and test rows, importance of the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from openbfactory.report.records import ClassifierOutputs, ImportanceRanking, OutputShape
from openbfactory.report.style import PUBLISHED, category_colors, category_label, corner, figure, in_order, style


def classifier_outputs(record: ClassifierOutputs) -> Figure:
    """Figure of normalised outputs: filled or stepped for test rows, points for training rows."""
    with style():
        drawn = figure(7.0, 5.2)
        axes = drawn.subplots()
        edges, colors = np.asarray(record.edges), category_colors(record.shapes)
        centres = 0.5 * (edges[1:] + edges[:-1])
        by_key = {s.key: s for s in record.shapes}
        trained = any(s.train is not None for s in record.shapes)
        for key in in_order(list(by_key)):
            shape, color = by_key[key], colors[key]
            name = category_label(key, shape.label)
            tested = f"{name} (test)" if trained else name
            axes.stairs(shape.test, edges, baseline=None, color=color, lw=1.8, label=tested)
            if key == "signal":
                axes.stairs(shape.test, edges, color=color, alpha=0.18, fill=True, lw=0)
            if shape.train is not None:
                axes.plot(centres, shape.train, "o", ms=4, color=color, mec="white", mew=0.4, label=f"{name} (train)")
        positive = [v for s in record.shapes for v in s.test if v > 0]
        top = max(positive, default=1.0)
        if record.log and positive:
            low = max(min(positive) * 0.5, top * 1e-5)
            axes.set_yscale("log")
            axes.set_ylim(low, low * (top / low) ** 1.45)
        else:
            axes.set_ylim(0.0, 1.45 * top)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel(record.xlabel)
        axes.set_ylabel("rows / bin, normalised")
        axes.legend(ncols=2 if trained else 3, loc="upper left", borderaxespad=0.6)
        if record.summary:
            axes.text(0.975, 0.965, "\n".join(record.summary), transform=axes.transAxes, ha="right", va="top",
                      fontsize=10.5, linespacing=1.4)
        corner(axes)
    return drawn


def normalised_shapes(samples: Mapping[str, NDArray[Any]], edges: Any, xlabel: str,
                      looks: Mapping[str, tuple[str, str]]) -> Figure:
    """Figure of the normalised distributions of a variable in samples; NaN is left out.

    Parameters
    ----------
    samples
        Values of the variable by key of the sample.
    edges
        Edges of the bins.
    looks
        Label and colour of each key.
    """
    shapes = []
    for key, values in samples.items():
        counts = np.histogram(values[np.isfinite(values)], edges)[0].astype(float)
        label, color = looks[key]
        shapes.append(OutputShape(key=key, test=counts / max(counts.sum(), 1.0), label=label, color=color))
    return classifier_outputs(ClassifierOutputs(edges=edges, shapes=tuple(shapes), xlabel=xlabel, log=False))


def importance_ranking(record: ImportanceRanking, limit: int = 40) -> Figure:
    """Figure of the ``limit`` most used inputs as bars."""
    with style():
        names, shares = record.names[:limit], np.asarray(record.shares[:limit])
        drawn = figure(7.0, 1.2 + 0.27 * len(names))
        axes = drawn.subplots()
        places = np.arange(len(names))
        axes.barh(places, shares, color=PUBLISHED, height=0.7)
        axes.set_yticks(places, names, fontsize=10.5)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.tick_params(axis="y", which="both", length=0)
        axes.minorticks_off()
        axes.set_xlim(0.0, 1.08 * float(shares.max(initial=0.0)) or 1.0)
        axes.set_xlabel(record.xlabel)
        corner(axes)
    return drawn

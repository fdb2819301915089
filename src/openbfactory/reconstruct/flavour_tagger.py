"""Flavour of the other B from all that the candidate left: categories, and their combination into q r.

Each category gives for each track that it looks at the probability ``y`` that this is the track it searches
(:mod:`openbfactory.reconstruct.flavour_categories`); its output is ``qp = sign charge y`` of the best track, for kaons
and Lambdas that of up to three, combined as ``(A - B) / (A + B)`` with ``A = prod(1 + qp)`` and ``B = prod(1 - qp)``.
A classifier of all outputs gives ``q r``: its sign is the flavour (+1 for a B0), ``r`` the expected dilution 1 - 2 w.

The combination treats both flavours alike: ``q r = f(qp) - f(-qp)``.  A rest of event without tracks has q r = 0.

Method: F. Abudinen et al., Eur. Phys. J. C 82 (2022) 283.  Approximation: one layer of classifiers for the tracks of a
category instead of its two; detector asymmetries between the flavours are left out by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ClassifierError
from openbfactory.core.forest import Forest, read_forest
from openbfactory.reconstruct.flavour_categories import CATEGORIES, COMBINED, KAON_PION, Category
from openbfactory.reconstruct.flavour_features import Features, features, kaon_pion

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction
    from openbfactory.reconstruct.rest_of_event import RestOfEvent

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: name of the file of the combination; those of the categories have their names
COMBINATION = "combination"
SUFFIX = ".flavour.txt"


@dataclass(frozen=True, slots=True)
class Tagged:
    """Flavour of the other B of n candidates.

    Attributes
    ----------
    qr : (n,) float64
        Flavour times dilution, in [-1, 1].
    qp
        Name of a category to its output (n,), 0 where it saw nothing.
    """

    qr: Array
    qp: dict[str, Array]


@dataclass(frozen=True, slots=True)
class FlavourTagger:
    """Classifiers of the categories by name, and that of their combination."""

    categories: Mapping[str, Forest]
    combination: Forest

    def __call__(self, owner: Reconstruction, rest: RestOfEvent) -> Tagged:
        """Flavour of the B behind the rest of event of each candidate."""
        return self.tag(features(owner, rest))

    def tag(self, seen: Features) -> Tagged:
        """Flavour of the B that the tracks of each candidate come from."""
        qp = category_outputs(seen, self.categories)
        return Tagged(combine(np.column_stack(list(qp.values())), self.combination), qp)


def looked_at(seen: Features, category: Category) -> Mask:
    """Mask (m,) of the tracks that a category looks at."""
    name, low, high = category.window
    values = seen.columns[name]
    found: Mask = (values >= low) & (values <= high)
    return found


def outputs_of_tracks(seen: Features, category: Category, forest: Forest) -> Array:
    """Probability (m,) of each track to be what the category searches, 0 for those that it does not look at."""
    mask, out = looked_at(seen, category), np.zeros(len(seen.tracks))
    out[mask] = forest.predict(np.column_stack([seen.columns[name][mask] for name in forest.names]))
    return out


def with_pairs(seen: Features, y: Mapping[str, Array]) -> Features:
    """The same tracks with the inputs of the pair of kaon and slow pion, from the outputs ``y`` of both."""
    table = np.full((len(seen.tracks), 3), np.nan)
    kaon_pion(seen.cms, seen.charge, seen.offsets, y["SlowPion"], table)
    more = dict(zip(("y(SlowPion)", "cosKaonPion", "chargeKaonPion"), table.T.copy(), strict=True))
    return Features(seen.offsets, seen.tracks, seen.charge, seen.cms, {**seen.columns, **more, "y(Kaon)": y["Kaon"]})


def category_outputs(seen: Features, forests: Mapping[str, Forest]) -> dict[str, Array]:
    """Output (n,) of every category."""
    y: dict[str, Array] = {}
    found: dict[str, Array] = {}
    for name, category in CATEGORIES.items():
        tracks = with_pairs(seen, y) if name == KAON_PION.name else seen
        y[name] = outputs_of_tracks(tracks, category, forests[name])
        found[name] = np.zeros(len(seen.offsets) - 1)
        _best(seen.offsets, category.sign * seen.charge * y[name], category.several, found[name])
    return found


def combine(qp: Array, forest: Forest) -> Array:
    """Flavour times dilution (n,) of the outputs (n, categories)."""
    seen = np.any(qp != 0.0, axis=1)
    out = np.zeros(len(qp))
    out[seen] = forest.predict(qp[seen]) - forest.predict(-qp[seen])
    return out


@njit(cache=True, error_model="numpy")
def _best(offsets: Index, qp: Array, several: int, out: Array) -> None:
    """Fill the output of a category: that of the ``several`` best tracks of each candidate."""
    used = np.zeros(len(qp), np.bool_)
    for c in range(len(offsets) - 1):
        plus, minus = 1.0, 1.0
        for _ in range(several):
            best = -1
            for i in range(offsets[c], offsets[c + 1]):
                if qp[i] != 0.0 and not used[i] and (best < 0 or abs(qp[i]) > abs(qp[best])):
                    best = i
            if best < 0:
                break
            used[best] = True
            plus *= 1.0 + qp[best]
            minus *= 1.0 - qp[best]
        out[c] = (plus - minus) / (plus + minus) if plus + minus > 0.0 else 0.0


def load_tagger(folder: str | Path) -> FlavourTagger:
    """Flavour tagger of the files that ``obf train flavour-tagger`` wrote.

    Raises
    ------
    ClassifierError
        With every file that is absent, damaged or has other inputs.
    """
    folder, findings = Path(folder), Findings(str(folder))
    wanted = {**{name: c.inputs for name, c in CATEGORIES.items()}, COMBINATION: COMBINED}
    found: dict[str, Forest] = {}
    for name, inputs in wanted.items():
        try:
            found[name] = read_forest(folder / f"{name}{SUFFIX}", inputs)
        except ClassifierError as problem:
            findings.error("no-classifier", f"{name}{SUFFIX}", str(problem).splitlines()[-1].strip(),
                           expected="a folder that 'obf train flavour-tagger' wrote")
    findings.raise_if_errors(ClassifierError)
    return FlavourTagger({name: found[name] for name in CATEGORIES}, found[COMBINATION])

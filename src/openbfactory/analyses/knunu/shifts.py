"""Variations of a sample: how each systematic effect shifts the bins of the fit, and how sure that is.

An event-level variation is a pair of columns ``NAME_up``, ``NAME_down`` (factors on the weight w of a row); a
detector-level one is the same simulated events reconstructed again (``variation`` = k), up and down.  Both shift a bin
by a sum over rows, sum x: x = w (up - down) / 2 for the first kind; for the second w / 2 of a row that is in the bin
only up, -w / 2 of one that is there only down, and 0 of one that stays.  The noise of the shift follows from the same
rows, so a variation that leaves most events where they are is known far better than two independent samples would tell.

Smoothing.  With few simulated events the relative shift r of a bin is noise.  Its variance is s^2 / n_eff, where s^2 is
the scatter of x around r w in the q2_rec slice of the bin (the eta bins together) and n_eff the effective number of
nominal rows; where the bins of a slice scatter no more than that, each takes the shift of its slice, and where they
scatter more, part of its own:

    r_smooth = (tau^2 r + (s^2 / n_eff) r_slice) / (tau^2 + s^2 / n_eff)

tau^2 is the scatter beyond noise (R. DerSimonian, N. Laird, Controlled Clinical Trials 7 (1986) 177).
The slices are drawn to the shift of all bins in the same way.  Samples that the experiment cannot tell apart are
pooled first, as in the published likelihood (arXiv:2507.12393): there, the variations of the detector are one
relative shift for charged and mixed B pairs, and one for light and charm quarks, on and off resonance.

Approximation: shifts are symmetric (up = -down), as in that likelihood; none is larger than 50 % of a bin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.training import Columns
from openbfactory.select.binning import OUTSIDE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: largest relative shift of a bin
LARGEST = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """Sums over the rows of a sample in each flat bin.

    Attributes
    ----------
    sums
        sum w, sum x, sum w^2, sum w x, sum x^2; shape (5, bins).
    """

    sums: Floats

    def __add__(self, other: Shift) -> Shift:
        return Shift(self.sums + other.sums)

    def scaled(self, factor: float) -> Shift:
        """The sums with every weight multiplied by ``factor``."""
        return Shift(self.sums * np.array([1, 1, factor, factor, factor])[:, None] * factor)


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """Rows of one reconstruction of a chunk: event, flat bin and weight of each."""

    event: Ints
    flat: Ints
    weight: Floats


def none(bins: int) -> Shift:
    """Sums over no rows."""
    return Shift(np.zeros((5, bins)))


def shift_of(flat: Ints, nominal: Floats, moved: Floats, bins: int) -> Shift:
    """Sums of rows: flat bin, w and x of each; rows outside the bins are left out."""
    inside = flat != OUTSIDE
    flat, w, x = flat[inside], nominal[inside], moved[inside]
    return Shift(np.array([np.bincount(flat, weights=v, minlength=bins) for v in (w, x, w * w, w * x, x * x)]))


def event_shifts(columns: Columns, flat: Ints, weight: Floats, bins: int) -> dict[str, Shift]:
    """Shifts of the event-level variations of a table; a variation without ``NAME_down`` is taken as symmetric."""
    found = {}
    for column in (c for c in columns if c.endswith("_up")):
        name = column.removesuffix("_up")
        up = np.asarray(columns[column], float)
        down = np.asarray(columns[f"{name}_down"], float) if f"{name}_down" in columns else 2.0 - up
        found[name] = shift_of(flat, weight, weight * (up - down) / 2, bins)
    return found


def detector_shift(nominal: Selected, up: Selected, down: Selected | None, bins: int) -> Shift:
    """Shift of one detector-level variation of a chunk; without ``down`` it is taken as symmetric."""
    tables = [nominal, up] if down is None else [nominal, up, down]
    keys = [t.event * np.int64(bins + 1) + t.flat for t in tables]
    total = none(bins)
    for at, table in enumerate(tables):
        inside = [np.isin(keys[at], k).astype(np.float64) for k in keys]
        x = table.weight * (inside[1] - inside[0] if down is None else (inside[1] - inside[2]) / 2)
        first = sum(inside[:at], np.zeros(len(x))) == 0  # a row that an earlier table has was counted there
        w = table.weight if at == 0 else np.zeros(len(x))
        total += shift_of(table.flat[first], w[first], x[first], bins)
    return total


def detector_shifts(tables: Sequence[Selected], names: Sequence[str], bins: int) -> dict[str, Shift]:
    """Shifts of all detector-level variations of a chunk, by their name without ``_up`` or ``_down``.

    Parameters
    ----------
    tables
        Nominal rows, then those of each variation.
    names
        Names of the variations 1, 2, ...; ``NAME_up`` and ``NAME_down`` are the two sides of one.
    """
    by_name = dict(zip(names, tables[1:], strict=True))
    found = {}
    for name, table in by_name.items():
        if not name.endswith("_down"):
            stem = name.removesuffix("_up")
            found[stem] = detector_shift(tables[0], table, by_name.get(f"{stem}_down"), bins)
    return found


def add_shifts(parts: Iterable[Mapping[str, Shift]]) -> dict[str, Shift]:
    """Shifts of many chunks or samples together, by name."""
    total: dict[str, Shift] = {}
    for part in parts:
        for name, shift in part.items():
            total[name] = total[name] + shift if name in total else shift
    return total


def relative_shift(shift: Shift, shape: tuple[int, ...]) -> Floats:
    """Smoothed relative shift of each flat bin, shape (bins,).

    Parameters
    ----------
    shape
        Bins of q2_rec (fastest) and eta.
    """
    return shift_and_noise(shift, shape)[0]


def shift_and_noise(shift: Shift, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Smoothed relative shift of each flat bin and its standard deviation from the size of the sample, (bins,) each.

    The variance of a drawn shift is tau^2 v / (tau^2 + v), v = s^2 / n_eff, and that of the target times the square of
    its part.
    """
    sums = shift.sums.reshape((5, *shape), order="F")
    slices = sums.sum(axis=2)
    everything = slices.sum(axis=1)[:, None]
    scatter = _scatter(slices, _ratio(slices))
    whole = _ratio(everything), _noise(_scatter(everything, _ratio(everything)), everything)
    slice_shift, slice_noise = _drawn(_ratio(slices)[None], _noise(scatter, slices)[None], whole[0][:, None],
                                      whole[1][:, None])
    bins, noise = _drawn(_ratio(sums), _noise(scatter[:, None], sums), slice_shift.T, slice_noise.T)
    return np.clip(bins.reshape(-1, order="F"), -LARGEST, LARGEST), np.sqrt(noise.reshape(-1, order="F"))


def _ratio(sums: Floats) -> Floats:
    """Sum of x over sum of w; 0 without rows."""
    return np.divide(sums[1], sums[0], out=np.zeros_like(sums[0]), where=sums[0] > 0)


def _scatter(sums: Floats, ratio: Floats) -> Floats:
    """s^2: mean square of x - r w in units of w^2."""
    square = sums[4] - 2 * ratio * sums[3] + ratio**2 * sums[2]
    return np.divide(np.maximum(square, 0.0), sums[2], out=np.zeros_like(square), where=sums[2] > 0)


def _noise(scatter: Floats, sums: Floats) -> Floats:
    """Variance of the relative shift, s^2 / n_eff; infinite without rows."""
    share = np.divide(sums[2], sums[0] ** 2, out=np.full_like(sums[0], np.inf), where=sums[0] > 0)
    return np.where(np.isfinite(share), np.maximum(scatter * np.where(np.isfinite(share), share, 0.0), 1e-14), np.inf)


def _drawn(ratio: Floats, noise: Floats, target: Floats, target_noise: Floats) -> tuple[Floats, Floats]:
    """Shifts of each row drawn to its target, and their variances (last axis: the bins of a row)."""
    weight = 1.0 / noise
    total = weight.sum(axis=1, keepdims=True)
    mean = np.divide((weight * ratio).sum(axis=1, keepdims=True), total, out=np.zeros_like(total), where=total > 0)
    freedom = np.maximum((weight > 0).sum(axis=1) - 1, 0).sum()
    left = np.divide((weight**2).sum(axis=1, keepdims=True), total, out=np.zeros_like(total), where=total > 0)
    scale = float((total - left).sum())
    beyond = max(0.0, (float((weight * (ratio - mean) ** 2).sum()) - freedom) / scale) if scale > 0 else 0.0
    own = beyond / (beyond + noise)  # 0 for infinite noise
    spread = np.where(np.isfinite(noise), own * np.where(np.isfinite(noise), noise, 0.0), beyond)
    known = np.where(np.isfinite(target_noise), target_noise, 0.0)
    return own * ratio + (1 - own) * target, spread + (1 - own) ** 2 * known

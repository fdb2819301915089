"""Identity of tracks: likelihood ratios of the mass hypotheses.

``xID = L_x / (L_e + L_mu + L_pi + L_K + L_p + L_d)`` from the combined
log-likelihoods; the expert variables take the parts of the subdetectors that
they name.  Without those parts in the file, or without any of them for a
track, they are NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from openbfactory.core.errors import UnknownNameError
from openbfactory.events.columns import SUBDETECTORS
from openbfactory.reconstruct.definitions import Definition, table, within
from openbfactory.reconstruct.tracks import HYPOTHESES
from openbfactory.reconstruct.view import View

Array = npt.NDArray[np.float64]
D = Definition

#: PDG codes in the order of the hypotheses
CODES = (11, 13, 211, 321, 2212, 1000010020)
#: parts of the identity of Belle
BELLE = ("ACC", "TOF", "CDC")
NAMES = {"electron": 0, "muon": 1, "pion": 2, "kaon": 3, "proton": 4, "deuteron": 5}


def log_likelihoods(v: View, parts: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Array:
    """Log-likelihoods (n, 6) of the hypotheses: combined, of some subdetectors, or without some; NaN for others."""
    records = v.owner.events["PIDLikelihoods"]
    rows = v.track_rows()
    there, found = rows >= 0, np.full((len(v), 6), np.nan)
    for k, h in enumerate(HYPOTHESES):
        if parts:
            total = sum((_part(records.columns, h, s, rows[there]) for s in parts), np.zeros(there.sum()))
        else:
            total = records[f"logL_{h}"][rows[there]].astype(np.float64)
            for s in without:
                total = total - _part(records.columns, h, s, rows[there])
        found[there, k] = total
    return found


def _part(columns: dict[str, npt.NDArray[np.float64]], hypothesis: str, subdetector: str,
          rows: npt.NDArray[np.int64]) -> Array:
    """Part of one subdetector, NaN where the file does not hold it."""
    name = f"logL_{hypothesis}_{subdetector}"
    return columns[name][rows].astype(np.float64) if name in columns else np.full(len(rows), np.nan)


def _ratio(logs: Array, k: int) -> Array:
    """L_k over the sum of all columns."""
    with np.errstate(all="ignore"):
        found: Array = np.exp(log_softmax(logs, axis=1))[:, k] if len(logs) else np.empty(0)
    return found


def _identity(k: int, without: tuple[str, ...] = ()) -> Callable[[View], Array]:
    return lambda v: _ratio(log_likelihoods(v, without=without), k)


def _index(code: int) -> int:
    """Hypothesis of a PDG code.

    Raises
    ------
    UnknownNameError
        When it is none.
    """
    if abs(code) not in CODES:
        raise UnknownNameError("mass hypothesis", str(code), [str(c) for c in CODES])
    return CODES.index(abs(code))


def subdetectors(words: tuple[str, ...]) -> tuple[str, ...]:
    """Subdetectors of a list of names; empty (all) for ``ALL`` or no name.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    """
    for word in words:
        if word.upper() not in (*SUBDETECTORS, "ALL"):
            raise UnknownNameError("subdetector", word, (*SUBDETECTORS, "ALL"))
    return () if not words or "ALL" in [w.upper() for w in words] else tuple(w.upper() for w in words)


def _pair(logs: Array, a: int, b: int) -> Array:
    with np.errstate(all="ignore"):
        found: Array = 1.0 / (1.0 + np.exp(logs[:, b] - logs[:, a]))
    return found


def _binary(name: str, without: tuple[str, ...]) -> Callable[..., Array]:
    return lambda v, code=211: _pair(log_likelihoods(v, without=without), NAMES[name], _index(code))


def _most_likely(v: View, *words: str) -> Array:
    logs = log_likelihoods(v, subdetectors(words))
    known = np.isfinite(logs).any(axis=1)
    best = np.argmax(np.where(np.isnan(logs), -np.inf, logs), axis=1) if len(v) else np.empty(0, np.int64)
    return np.where(known, np.array(CODES)[best], np.nan)


def _is_most_likely(v: View) -> Array:
    best = _most_likely(v)
    return np.where(np.isnan(best), np.nan, best == np.abs(v.column("pdg")))


_GLOBAL = (
    *(D(f"{name}ID", "1", f"L_{HYPOTHESES[k]} over the sum of all hypotheses", _identity(k))
        for name, k in NAMES.items()),
    *(D(f"{name}ID_no{s}", "1", f"the same without {s}", _identity(k, (s,)))
      for s in ("TOP", "SVD", "ARICH") for name, k in NAMES.items() if name != "deuteron"),
    *(D(f"binary{name.capitalize()}ID_noTOP", "1", f"L_{HYPOTHESES[k]} against another hypothesis (pi), without TOP",
        _binary(name, ("TOP",)), ("integer?",)) for name, k in NAMES.items() if name in ("electron", "muon", "kaon")),
)
_EXPERT = (
    D("binaryPID", "1", "L1 / (L1 + L2) of two PDG codes",
      lambda v, a, b: _pair(log_likelihoods(v), _index(a), _index(b)), ("integer", "integer")),
    D("pidPairProbabilityExpert", "1", "L1 / (L1 + L2) from some subdetectors",
      lambda v, a, b, *s: _pair(log_likelihoods(v, subdetectors(s)), _index(a), _index(b)),
      ("integer", "integer", "word*")),
    D("pidProbabilityExpert", "1", "L over the sum of all hypotheses, from some subdetectors",
      lambda v, a, *s: _ratio(log_likelihoods(v, subdetectors(s)), _index(a)), ("integer", "word*")),
    D("pidLogLikelihoodValueExpert", "1", "log-likelihood of a PDG code from some subdetectors",
      lambda v, a, *s: log_likelihoods(v, subdetectors(s))[:, _index(a)], ("integer", "word*")),
    D("pidDeltaLogLikelihoodValueExpert", "1", "difference of the log-likelihoods of two PDG codes",
      lambda v, a, b, *s: log_likelihoods(v, subdetectors(s))[:, _index(a)]
      - log_likelihoods(v, subdetectors(s))[:, _index(b)], ("integer", "integer", "word*")),
    D("pidMostLikelyPDG", "1", "PDG code of the likeliest hypothesis", _most_likely, ("word*",)),
    D("pidIsMostLikely", "1", "1 where the own hypothesis is the likeliest", _is_most_likely),
    D("atcPIDBelle", "1", "Belle: L_i / (L_i + L_j) of Cherenkov counter, flight time and dE/dx; 0 e 1 mu 2 pi 3 K 4 p",
      lambda v, a, b: _pair(log_likelihoods(v, BELLE), within(a, 5, "species"), within(b, 5, "species")),
      ("integer", "integer")),
    D("kIDBelle", "1", "Belle: atcPIDBelle(3, 2)", lambda v: _pair(log_likelihoods(v, BELLE), 3, 2)),
)
IDENTITY = table("Identity", _GLOBAL, _EXPERT)

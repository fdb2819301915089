"""Oracle: the defining sums written out with NumPy, and closed forms for collinear particles."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import legendre

from openbfactory.reconstruct import ksfw

SQRT_S = 10.58


def _event(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    momenta = rng.normal(0, 0.6, (n, 3))
    return np.column_stack([np.sqrt(0.14**2 + (momenta**2).sum(1)), momenta]), rng.integers(-1, 2, n)


def _moments(p: np.ndarray, charge: np.ndarray, signal: int = 1) -> dict[str, float]:
    row = ksfw.ksfw_moments(p, charge, np.array([0]), np.array([signal]), np.array([len(p)]), SQRT_S)[0]
    return dict(zip(ksfw.KSFW_NAMES, row, strict=True))


def _expected(p: np.ndarray, charge: np.ndarray, signal: int) -> dict[str, float]:
    size = np.linalg.norm(p[:, 1:], axis=1)
    miss = np.array([SQRT_S, 0, 0, 0]) - p.sum(0)
    norm = 2 * (SQRT_S - p[:signal, 0].sum())
    vectors = np.vstack([p[:, 1:], miss[1:]])
    sizes = np.append(size, np.linalg.norm(miss[1:]))
    charges = np.append(charge, 0)
    kind = np.append(np.where(charge != 0, 0, 1), 2)
    out = {"et": np.hypot(p[:, 1], p[:, 2]).sum(), "mm2": miss[0] * abs(miss[0]) - (miss[1:] ** 2).sum()}
    n = len(sizes)
    for order in range(5):
        poly = legendre.legval(vectors @ vectors.T / np.outer(sizes, sizes), np.eye(5)[order])
        q = np.outer(charges, charges) if order % 2 else np.ones((n, n))
        for x in range(3):
            others = [j for j in range(signal, n) if kind[j] == x]
            total = sum(q[i, j] * sizes[j] * poly[i, j] for i in range(signal) for j in others)
            out[f"hso{x}{order}"] = total / norm
        pairs = [(j, k) for j in range(signal, n) for k in range(signal, j)]
        out[f"hoo{order}"] = sum(q[j, k] * sizes[j] * sizes[k] * poly[j, k] for j, k in pairs) / norm**2
    return out


@pytest.mark.parametrize("signal", [1, 2])
def test_moments_are_the_defining_sums(signal: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        p, charge = _event(rng, int(rng.integers(3, 12)))
        found, expected = _moments(p, charge, signal), _expected(p, charge, signal)
        for name in ksfw.KSFW_NAMES:
            assert found[name] == pytest.approx(expected[name], rel=1e-10, abs=1e-12), name


def test_negative_missing_energy() -> None:
    p = np.array([[6.0, 0, 0, 6.0], [6.0, 0, 0, -5.0]])
    found = _moments(p, np.array([1, -1]))
    assert found["mm2"] == pytest.approx(-((12 - SQRT_S) ** 2) - 1)


def test_collinear_event_in_closed_form() -> None:
    """Kaon along +z and one charged particle along -z: every P_l is +-1."""
    p = np.array([[2.0, 0, 0, 2.0], [1.5, 0, 0, -1.5]])
    found = _moments(p, np.array([1, -1]))
    norm = 2 * (SQRT_S - 2.0)
    assert found["hso00"] == pytest.approx(1.5 / norm)
    assert found["hso01"] == pytest.approx(+1.5 / norm)  # (-1) (charges) times (-1) (cosine)
    assert found["hso02"] == pytest.approx(1.5 / norm)
    assert found["hso20"] == pytest.approx(0.5 / norm)
    assert found["hoo0"] == pytest.approx(1.5 * 0.5 / norm**2)
    assert found["hoo1"] == 0.0
    assert found["et"] == 0.0


def test_a_charge_flip_changes_only_the_odd_moments() -> None:
    """Planted fault: a lost charge sign must show in hso01, hso03 and nowhere in the even ones."""
    p, charge = _event(np.random.default_rng(3), 8)
    charge[0] = 1
    one = _moments(p, charge)
    charge[0] = -1
    two = _moments(p, charge)
    for name in ksfw.KSFW_NAMES:
        if name in {"hso01", "hso03"}:
            assert one[name] == pytest.approx(-two[name])
            assert one[name] != 0
        else:
            assert one[name] == two[name]

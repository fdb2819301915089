"""Names of particles and numbers as people write them."""

from __future__ import annotations

import math
import re
from typing import Final

from openbfactory.report.display.records import Property

_GREEK: Final = {
    "Upsilon": "ϒ", "Lambda": "Λ", "Sigma": "Σ", "Omega": "Ω", "Delta": "Δ", "gamma": "γ", "omega": "ω", "Xi": "Ξ",
    "psi": "ψ", "phi": "φ", "rho": "ρ", "eta": "η", "tau": "τ", "chi": "χ", "mu": "μ", "nu": "ν", "pi": "π"}
_UP: Final = str.maketrans("+-0*'", "⁺⁻⁰*′")
_WORD: Final = re.compile(r"(?<![A-Za-z])(" + "|".join(_GREEK) + r")(?![a-z])")
_SPECIAL: Final = {"vpho": "γ*", "K_S0": "K_S⁰", "K_L0": "K_L⁰"}
_DOWN: Final = {"_e": "ₑ", "_s": "ₛ", "_1": "₁", "_2": "₂", "_0": "₀", "_mu": "_μ", "_tau": "_τ"}
_UNITS: Final = {"deg": "°", "GeV^2": "GeV²"}


def pretty(name: str) -> str:
    """Name of a particle in decay files as people write it: ``anti-D*0`` becomes D̅*⁰."""
    if not name[:1].isalpha():
        return name
    bar = name.startswith("anti-")
    body = _WORD.sub(lambda m: _GREEK[m[1]], name.removeprefix("anti-"))
    if body in _SPECIAL:
        return _SPECIAL[body]
    found = re.fullmatch(r"(.*?)([*']*)(_[A-Za-z0-9]+)?([*']*)([+\-0]+)?(\([^)]*\))?", body)
    if found is None or not found[1]:
        return name
    letter, star, sub, star2, charge, rest = (part or "" for part in found.groups())
    mark = "̅" if bar else ""
    return (letter[:1] + mark + letter[1:] + star.translate(_UP) + _DOWN.get(sub, sub) + star2.translate(_UP)
            + charge.translate(_UP) + rest)


def title(text: str) -> str:
    """A text with the particles in it as people write them."""
    return " ".join(pretty(word) for word in text.split(" "))


def shown(value: float | int | str, unit: str = "") -> str:
    """A value with its unit: whole numbers as they are, others with four significant digits."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, int):
        text = str(value)
    elif not math.isfinite(value):
        text = "not known"
    elif value and not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.2e}".split("e")
        text = f"{mantissa} × 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    else:
        text = f"{value:.4g}"
    text = text.replace("-", "−") if not isinstance(value, str) else text
    unit = _UNITS.get(unit, unit)
    return text + unit if unit == "°" else f"{text} {unit}".rstrip()


def line(item: Property) -> tuple[str, str]:
    """Name and value of a property as they are shown."""
    name = {"theta": "θ", "phi": "φ", "pT": "p_T", "missing theta": "missing θ"}.get(item.name, item.name)
    return name, shown(item.value, item.unit)

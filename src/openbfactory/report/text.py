"""Text of a report: a small markup to HTML, and numbers with their uncertainties.

Markup, in any text of a report: ``^{up}`` and ``_{down}`` (``^{up}_{down}``
stand above each other), ``**bold**``, text between backticks as code, and
``[title](https://...)``.  Everything else is shown as written;
nothing in a text can become HTML of its own.
"""

from __future__ import annotations

import math
import re

from markupsafe import Markup, escape

from openbfactory.report.records import Number

_MARKUP = re.compile(
    r"\^\{(?P<above>[^{}]*)\}_\{(?P<below>[^{}]*)\}|\^\{(?P<up>[^{}]*)\}|_\{(?P<down>[^{}]*)\}|\*\*(?P<bold>[^*]+)\*\*|`(?P<code>[^`]+)`"
    r"|\[(?P<title>[^\[\]]+)\]\((?P<link>(?:https?://|#)[^\s()]+)\)")
_THIN = " "


def rich_text(text: str) -> Markup:
    """HTML of a text in the markup of this module."""
    parts: list[Markup] = []
    at = 0
    for match in _MARKUP.finditer(text):
        parts.append(escape(text[at:match.start()]))
        parts.append(_element(match))
        at = match.end()
    parts.append(escape(text[at:]))
    return Markup("").join(parts)


def _element(match: re.Match[str]) -> Markup:
    """HTML of one marked piece."""
    if match["above"] is not None:
        return Markup('<span class="stacked"><sup>{}</sup><sub>{}</sub></span>').format(match["above"], match["below"])
    if match["up"] is not None:
        return Markup("<sup>{}</sup>").format(match["up"])
    if match["down"] is not None:
        return Markup("<sub>{}</sub>").format(match["down"])
    if match["bold"] is not None:
        return Markup("<strong>{}</strong>").format(match["bold"])
    if match["code"] is not None:
        return Markup("<code>{}</code>").format(match["code"])
    return Markup('<a href="{}">{}</a>').format(match["link"], match["title"])


def format_number(number: Number | None, unit: str = "", *, percent: bool = False) -> str:
    """A number with its uncertainty to two significant digits, in the markup of this module; a dash when absent."""
    if number is None:
        return "–"
    scale = 100.0 if percent else 1.0
    ends = number.interval if number.interval is not None else ()
    spreads = [abs(e) * scale for e in ends] or ([number.uncertainty * scale] if number.uncertainty else [])
    value = number.value * scale
    shift = _power_of_ten(value, spreads)
    value, spreads = value / 10.0**shift, [s / 10.0**shift for s in spreads]
    places = _decimals(spreads)
    shown = _plain(value) if places is None else _fixed(value, places)
    if places is not None and number.interval is not None:
        shown = f"{shown}^{{+{_fixed(spreads[1], places)}}}_{{−{_fixed(spreads[0], places)}}}"
    elif places is not None:
        shown = f"{shown} ± {_fixed(spreads[0], places)}"
    if shift:
        shown = f"({shown}) × 10^{{{str(shift).replace('-', '−')}}}" if spreads else \
            f"{shown} × 10^{{{str(shift).replace('-', '−')}}}"
    unit = "%" if percent else unit
    return f"{shown} {unit}" if unit else shown


def format_percent(value: float | None, uncertainty: float | None = None) -> str:
    """A fraction in percent; a dash when absent."""
    return "–" if value is None else format_number(Number(value=value, uncertainty=uncertainty), percent=True)


def format_count(value: float) -> str:
    """A number of events: whole, or with enough digits when small."""
    return _plain(value)


def _power_of_ten(value: float, spreads: list[float]) -> int:
    """Power of ten to take out of a number that is very small or very large."""
    size = max([abs(value), *spreads])
    if size == 0.0 or not math.isfinite(size) or 1e-3 <= size < 1e7:
        return 0
    return math.floor(math.log10(abs(value) or size))


def _decimals(spreads: list[float]) -> int | None:
    """Digits behind the point that show two significant digits of the smallest spread; None without one."""
    sizes = [s for s in spreads if s > 0 and math.isfinite(s)]
    if not sizes:
        return None
    return max(0, 1 - math.floor(math.log10(min(sizes))))


def _fixed(value: float, places: int) -> str:
    """Number with a fixed number of decimals, a true minus and spaces between thousands."""
    text = f"{value:,.{places}f}".replace(",", _THIN)
    return text.replace("-", "−")


def _plain(value: float) -> str:
    """Number without uncertainty: four significant digits, all digits of whole numbers below ten million."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000 or value == int(value):
        return _fixed(value, 0)
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    text = _fixed(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text

"""LaTeX of tables: the same tables that reports show, as ``tabular`` for a paper."""

from __future__ import annotations

import re

from openbfactory.report.content import Table

_SPECIAL = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
            "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "−": "$-$", "±": r"$\pm$",
            "×": r"$\times$", "→": r"$\to$", "\u2009": r"\,", "σ": r"$\sigma$", "μ": r"$\mu$", "τ": r"$\tau$",
            "η": r"$\eta$", "ν": r"$\nu$", "ψ": r"$\psi$", "≤": r"$\leq$", "≥": r"$\geq$", "²": "$^2$"}
_MARKUP = re.compile(r"\^\{(?P<above>[^{}]*)\}_\{(?P<below>[^{}]*)\}|\^\{(?P<up>[^{}]*)\}|_\{(?P<down>[^{}]*)\}"
                     r"|\*\*(?P<bold>[^*]+)\*\*|`(?P<code>[^`]+)`|\[(?P<title>[^\[\]]+)\]\([^()\s]+\)")


def latex_text(text: str) -> str:
    """LaTeX of a text in the markup of :mod:`openbfactory.report.text`; links lose their address."""
    parts, at = [], 0
    for match in _MARKUP.finditer(text):
        parts += [_escaped(text[at:match.start()]), _element(match)]
        at = match.end()
    return "".join([*parts, _escaped(text[at:])])


def latex_table(table: Table, *, caption: bool = True) -> str:
    """A ``table`` environment with a ``tabular`` (booktabs rules); numbers are set to the right."""
    columns = "".join("r" if k in table.numeric else "l" for k in range(len(table.columns)))
    lines = [r"\begin{table}", r"\centering"]
    if caption and table.caption:
        lines.append(rf"\caption{{{latex_text(table.caption)}}}")
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(map(latex_text, table.columns)) + r" \\",
              r"\midrule", *(" & ".join(map(latex_text, row)) + r" \\" for row in table.rows), r"\bottomrule",
              r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)


def _element(match: re.Match[str]) -> str:
    """LaTeX of one marked piece."""
    if match["above"] is not None:
        return rf"$^{{{_plain(match['above'])}}}_{{{_plain(match['below'])}}}$"
    if match["up"] is not None:
        return rf"$^{{{_plain(match['up'])}}}$"
    if match["down"] is not None:
        return rf"$_{{{_plain(match['down'])}}}$"
    if match["bold"] is not None:
        return rf"\textbf{{{_escaped(match['bold'])}}}"
    if match["code"] is not None:
        return rf"\texttt{{{_escaped(match['code'])}}}"
    return _escaped(match["title"])


def _plain(text: str) -> str:
    """Text inside a formula."""
    return text.replace("−", "-").replace("%", r"\%")
